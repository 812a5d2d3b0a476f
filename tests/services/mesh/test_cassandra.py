"""A keyspace on a real Cassandra: statements, batches, pages, and what is said when something is wrong."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.caller import ANONYMOUS, CURRENT_CALL, Call
from mesh.errors import DeadlineExceeded, Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import IN_FLIGHT, MOST_ROWS, PARTITIONS_AT_ONCE, Cassandra, Statement, TooManyRows
from mesh.storage.cassandra_batch import UnsafeWrite
from mesh.storage.url import CassandraUrl
from tests.support.cassandra import TRIAL, store_url
from tests.support.free_ports import free_row
from tests.support.relay import relay
from tests.support.trial_keyspace import opened, ready, schema_in
from tests.support.wait_until import wait_until

INSERT = Statement("numbers.insert", "INSERT INTO numbers (owner, number, text) VALUES (?, ?, ?) USING TIMESTAMP ?")
LIST = Statement("numbers.list", "SELECT number FROM numbers WHERE owner = ?")
GET = Statement("numbers.get", "SELECT text FROM numbers WHERE owner = ? AND number = ?")
OF_OWNERS = Statement("numbers.of_owners", "SELECT owner, text FROM numbers WHERE owner IN ? AND number = ?")
CLAIM = Statement("claims.claim", "INSERT INTO claims (name, owner) VALUES (?, ?) IF NOT EXISTS")
CLAIMED = Statement("claims.get", "SELECT owner FROM claims WHERE name = ?", is_serial=True)


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    return schema_in(tmp_path)


@pytest.fixture
def url() -> CassandraUrl:
    return store_url(TRIAL)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def cassandra(url: CassandraUrl, schema: Path, metrics: Metrics) -> AsyncIterator[Cassandra]:
    async with opened(url, schema, metrics) as cassandra:
        await ready(cassandra)
        for table in ("numbers", "claims"):
            await cassandra.run(Statement("truncate", f"TRUNCATE {table}"))
        yield cassandra


async def test_a_row_is_read_as_it_was_written(cassandra: Cassandra) -> None:
    await cassandra.run(INSERT, 1, 2, "two", 10)
    assert await cassandra.run(GET, 1, 2) == [("two",)]
    assert await cassandra.run(GET, 1, 3) == []


async def test_the_later_timestamp_wins_and_not_the_later_write(cassandra: Cassandra) -> None:
    await cassandra.run(INSERT, 1, 2, "new", 20)
    await cassandra.run(INSERT, 1, 2, "old", 10)
    assert await cassandra.run(GET, 1, 2) == [("new",)]


async def test_a_batch_is_done_as_a_whole(cassandra: Cassandra) -> None:
    await cassandra.batch("numbers.both", (INSERT, (1, 1, "one", 10)), (INSERT, (1, 2, "two", 10)))
    assert [await cassandra.run(GET, 1, number) for number in (1, 2)] == [[("one",)], [("two",)]]


async def test_a_batch_in_several_partitions_is_a_defect_and_nothing_of_it_is_done(cassandra: Cassandra) -> None:
    with pytest.raises(UnsafeWrite, match=r"numbers\.both is in several partitions"):
        await cassandra.batch("numbers.both", (INSERT, (1, 1, "one", 10)), (INSERT, (2, 1, "two", 10)))
    assert [await cassandra.run(GET, number, 1) for number in (1, 2)] == [[], []]


async def test_what_is_written_down_can_be_done_again_without_its_statement(cassandra: Cassandra) -> None:
    writes = await cassandra.encoded((INSERT, (1, 1, "one", 10)), (INSERT, (2, 1, None, 10)))
    await cassandra.write("numbers.again", *writes)
    await cassandra.run(INSERT, 1, 1, "later", 20)
    await cassandra.write("numbers.again", *writes)
    assert [await cassandra.run(GET, number, 1) for number in (1, 2)] == [[("later",)], [(None,)]]


async def test_of_eight_claims_at_once_one_is_applied(cassandra: Cassandra) -> None:
    applied = await asyncio.gather(*(cassandra.applied(CLAIM, "ann", owner) for owner in range(8)))
    assert sum(applied) == 1
    assert await cassandra.run(CLAIMED, "ann") == [(applied.index(True),)]


@pytest.mark.parametrize(
    ("owners", "rows_of_each", "statements"), [(2 * PARTITIONS_AT_ONCE + 1, 1, 3), (6, MOST_ROWS // 2, 3)]
)
async def test_many_partitions_are_read_in_few_statements(
    cassandra: Cassandra, metrics: Metrics, owners: int, rows_of_each: int, statements: int
) -> None:
    for owner in range(owners):
        await cassandra.run(INSERT, owner, 1, str(owner), 10)
    rows = await cassandra.run_in(OF_OWNERS, [*range(owners), *range(owners)], 1, rows_of_each=rows_of_each)
    assert sorted(rows) == [(owner, str(owner)) for owner in range(owners)]
    labels = {"statement": OF_OWNERS.name, "outcome": "OK"}
    assert metrics.registry.get_sample_value("aviary_store_calls_total", labels) == statements


async def test_pages_follow_each_other_until_the_last(cassandra: Cassandra) -> None:
    await asyncio.gather(*(cassandra.run(INSERT, 1, number, "", 10) for number in range(25)))
    found, state = [], b""
    for size in (10, 10, 5):
        page = await cassandra.page(LIST, 1, size=10, state=state)
        assert len(page.rows) == size
        found += [number for (number,) in page.rows]
        state = page.next_state
    assert (found, state) == (list(range(25)), b"")


async def test_a_statement_without_a_bound_is_a_defect(cassandra: Cassandra) -> None:
    # The first alone: statements are prepared within the time of a call, and 5,000 at once would wait for it.
    await cassandra.run(INSERT, 1, 5_000, "", 10)
    await asyncio.gather(*(cassandra.run(INSERT, 1, number, "", 10) for number in range(5_000)))
    with pytest.raises(TooManyRows, match=r"numbers\.list"):
        await cassandra.run(LIST, 1)


async def test_hundreds_at_once_all_get_their_own_answer(cassandra: Cassandra) -> None:
    await asyncio.gather(*(cassandra.run(INSERT, 1, number, str(number), 10) for number in range(600)))
    rows = await asyncio.gather(*(cassandra.run(GET, 1, number) for number in range(600)))
    assert rows == [[(str(number),)] for number in range(600)]


async def test_a_statement_leaves_nothing_to_the_garbage_collector(cassandra: Cassandra) -> None:
    async def ask(number: int) -> None:
        await cassandra.run(INSERT, 1, number, "", 10)
        await cassandra.run(GET, 1, number)
        await cassandra.page(LIST, 1, size=10)
        await cassandra.batch("numbers.two", (INSERT, (1, 1, "", 10)), (INSERT, (1, 2, "", 10)))

    await ask(0)
    gc.collect()
    gc.disable()
    try:
        for number in range(50):
            await ask(number)
        # The driver's own threads leave a few.
        assert gc.collect() < 50
    finally:
        gc.enable()


async def test_who_gives_up_waiting_disturbs_nobody(cassandra: Cassandra) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(cassandra.run(GET, 1, number)) for number in range(50)]
        await asyncio.sleep(0)
        for one in waiting[::2]:
            one.cancel()
    assert [one.result() for one in waiting[1::2]] == [[]] * 25
    assert await cassandra.run(GET, 1, 1) == []


async def test_a_call_that_has_no_time_left_sends_nothing(cassandra: Cassandra) -> None:
    now = asyncio.get_running_loop().time()
    token = CURRENT_CALL.set(Call(ANONYMOUS, "request-1", now + 0.004))
    try:
        with pytest.raises(DeadlineExceeded):
            await cassandra.run(INSERT, 1, 1, "late", 10)
    finally:
        CURRENT_CALL.reset(token)
    assert await cassandra.run(GET, 1, 1) == []


async def test_a_statement_is_counted_by_its_name(cassandra: Cassandra, metrics: Metrics) -> None:
    await cassandra.run(GET, 1, 1)
    labels = {"statement": "numbers.get", "outcome": "OK"}
    assert metrics.registry.get_sample_value("aviary_store_calls_total", labels) == 1


async def test_a_wrong_statement_is_a_defect_and_not_an_outage(cassandra: Cassandra) -> None:
    with pytest.raises(Exception, match="nowhere") as raised:
        await cassandra.run(Statement("wrong", "SELECT a FROM nowhere"))
    assert not isinstance(raised.value, Unavailable)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"port": 1}, "127.0.0.1 port 1 cannot be reached"),
        ({"password": "wrong"}, "or its password is wrong"),
        ({"prefix": "nobody"}, "keyspace nobody_trial"),
        ({"datacenter": "mars"}, "there is no datacenter mars; there is datacenter1"),
    ],
)
async def test_what_is_wrong_with_a_cluster_is_said_in_one_line(
    url: CassandraUrl, schema: Path, changed: dict[str, object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = replace(url, **changed)  # type: ignore[arg-type] # each is of its field's type
    async with opened(wrong, schema) as cassandra:

        async def is_known() -> bool:
            with pytest.raises(Unavailable) as raised:
                await cassandra.ping()
            return reason in raised.value.message

        await wait_until(is_known, at_most=30)
    (record,) = [record for record in caplog.records if record.name == "mesh.storage.cassandra"]
    told = record.fields["reason"]  # type: ignore[attr-defined] # our extra
    assert reason in told
    assert "\n" not in told
    assert url.password not in told


async def test_a_cluster_that_comes_later_is_found(url: CassandraUrl, schema: Path) -> None:
    """The service is there first; the store begins to answer once somebody listens at its address."""
    port = free_row(1)
    async with opened(replace(url, port=port), schema) as cassandra:
        with pytest.raises(Unavailable):
            await cassandra.ping()
        async with relay(port, url.port):
            await ready(cassandra)


async def test_a_store_that_stops_answering_is_unavailable_in_time_and_comes_back(
    url: CassandraUrl, schema: Path
) -> None:
    port = free_row(1)
    async with relay(port, url.port) as tap, opened(replace(url, port=port), schema) as cassandra:
        await ready(cassandra)
        await cassandra.run(GET, 1, 1)
        tap.clear()
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await cassandra.run(GET, 1, 1)
        assert asyncio.get_running_loop().time() - began < 3
        tap.set()
        await ready(cassandra)


async def test_who_waits_for_others_is_unavailable_before_its_own_deadline(url: CassandraUrl, schema: Path) -> None:
    port = free_row(1)
    async with relay(port, url.port) as tap, opened(replace(url, port=port), schema) as cassandra:
        await ready(cassandra)
        await cassandra.run(GET, 1, 1)
        tap.clear()
        async with asyncio.TaskGroup() as group:
            # In no call, and so for as long as a statement may take.
            others = [group.create_task(is_refused(cassandra)) for _ in range(IN_FLIGHT)]
            await asyncio.sleep(0)
            began = asyncio.get_running_loop().time()
            token = CURRENT_CALL.set(Call(ANONYMOUS, "request-1", began + 0.5))
            try:
                with pytest.raises(Unavailable):
                    await cassandra.run(GET, 1, 1)
            finally:
                CURRENT_CALL.reset(token)
            assert asyncio.get_running_loop().time() - began < 0.5
            assert not any(other.done() for other in others)
        assert all(other.result() for other in others)
        tap.set()
        await ready(cassandra)


async def is_refused(cassandra: Cassandra) -> bool:
    try:
        await cassandra.run(GET, 1, 1)
    except Unavailable:
        return True
    return False

"""Statements that do not go as usual on their way to a real node: what is said, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Session
from cassandra.policies import RoundRobinPolicy, SimpleConvictionPolicy
from cassandra.pool import Host
from cassandra.query import BoundStatement

from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra, Statement
from mesh.storage.cassandra_session import connect
from tests.support.answering_relay import READY, Answering, answering_relay, error
from tests.support.cassandra import TRIAL, store_url
from tests.support.free_ports import free_row
from tests.support.trial_keyspace import ready, schema_in
from tests.support.wait_until import wait_until

INSERT = Statement("numbers.insert", "INSERT INTO numbers (owner, number, text) VALUES (?, ?, ?) USING TIMESTAMP ?")
GET = Statement("numbers.get", "SELECT text FROM numbers WHERE owner = ? AND number = ?")
GET_SERIALLY = Statement("numbers.get_serially", GET.text, is_serial=True)
OVERLOADED, INVALID, WRITE_TIMEOUT = 0x1001, 0x2200, 0x1100
# LOCAL_QUORUM, none of one node that was needed, a simple write.
OF_A_TIMEOUT = struct.pack(">HiiH", 6, 0, 1, 6) + b"SIMPLE"


@dataclass
class Trial:
    """A keyspace behind a relay, with one row; its connection has all its places."""

    cassandra: Cassandra
    session: Session
    node: Answering

    @property
    def connection(self) -> Any:
        """The one that statements go over."""
        [pool] = self.session.get_pools()
        [connection] = pool.get_connections()
        return connection

    async def nothing_is_kept(self) -> None:
        """Return when every place at the connection is free again."""

        async def is_free() -> bool:
            connection = self.connection
            free = set(connection.request_ids)
            return bool(connection.in_flight == 0 and len(free) == connection.highest_request_id + 1)

        await wait_until(is_free)


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Trial]:
    url, port, schema = store_url(TRIAL), free_row(1), schema_in(tmp_path)
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(answering_relay(port, url.port))
        session = await asyncio.to_thread(connect, replace(url, port=port), component=TRIAL, schema=schema)
        cassandra = Cassandra(Metrics(), session)
        stack.push_async_callback(cassandra.close)
        await cassandra.run(INSERT, 1, 2, "two", 10)
        await cassandra.run(GET, 1, 2)
        yield Trial(cassandra, session, node)


class Planned(RoundRobinPolicy):  # type: ignore[misc] # the driver has no types
    """Plans the hosts that it is given, and remembers for what."""

    def __init__(self, *hosts: Host) -> None:
        super().__init__()
        self.hosts = hosts
        self.planned: list[tuple[str, bytes]] = []

    def make_query_plan(self, working_keyspace: str, query: BoundStatement) -> Iterator[Host]:
        self.planned.append((query.keyspace or working_keyspace, query.routing_key))
        return iter(self.hosts)


async def test_a_statement_goes_to_the_node_that_the_policy_names_for_its_key(trial: Trial) -> None:
    [pool] = trial.session.get_pools()
    plan = Planned(pool.host)
    trial.session.get_execution_profile(EXEC_PROFILE_DEFAULT).load_balancing_policy = plan
    assert await trial.cassandra.run(GET, 1, 2) == [("two",)]
    assert plan.planned == [(trial.session.keyspace, struct.pack(">q", 1))]


async def test_a_node_without_a_connection_is_left_to_the_driver_who_asks_the_next(trial: Trial) -> None:
    [pool] = trial.session.get_pools()
    plan = Planned(Host("127.0.0.9", SimpleConvictionPolicy), pool.host)
    trial.session.get_execution_profile(EXEC_PROFILE_DEFAULT).load_balancing_policy = plan
    assert await trial.cassandra.run(GET, 1, 2) == [("two",)]


@pytest.mark.parametrize(
    ("statement", "level"), [(GET, ConsistencyLevel.LOCAL_QUORUM), (GET_SERIALLY, ConsistencyLevel.LOCAL_SERIAL)]
)
async def test_a_statement_says_its_consistency(trial: Trial, statement: Statement, level: int) -> None:
    await trial.cassandra.run(statement, 1, 2)
    (length,) = struct.unpack_from(">H", trial.node.latest)
    assert struct.unpack_from(">H", trial.node.latest, 2 + length) == (level,)
    assert struct.unpack(">H", trial.node.latest[-2:]) == (ConsistencyLevel.LOCAL_SERIAL,)


@pytest.mark.parametrize(
    "answer", [error(OVERLOADED, "too much"), error(WRITE_TIMEOUT, "too late", OF_A_TIMEOUT), (READY, b"")]
)
async def test_an_answer_that_is_none_is_unavailable_and_nothing_is_asked_again(
    trial: Trial, answer: tuple[int, bytes]
) -> None:
    before = trial.node.asked
    trial.node.answers.append(answer)
    with pytest.raises(Unavailable):
        await trial.cassandra.run(INSERT, 1, 2, "two", 10)
    assert trial.node.asked == before + 1
    assert await trial.cassandra.run(GET, 1, 2) == [("two",)]
    await trial.nothing_is_kept()


async def test_what_a_node_refuses_is_a_defect(trial: Trial) -> None:
    trial.node.answers.append(error(INVALID, "no such thing"))
    with pytest.raises(InvalidRequest, match="no such thing"):
        await trial.cassandra.run(INSERT, 1, 2, "two", 10)


async def test_a_statement_that_its_node_has_forgotten_is_learned_again(trial: Trial) -> None:
    async def alter(how: str) -> None:
        await asyncio.to_thread(trial.session.execute, f"ALTER TABLE numbers {how}")

    await alter("ADD more text")
    try:
        before = trial.node.asked
        await trial.cassandra.run(INSERT, 1, 2, "again", 20)
        # Two times it was not known: to us, and then to the driver, who had it prepared.
        assert trial.node.asked == before + 3
        assert await trial.cassandra.run(GET, 1, 2) == [("again",)]
        before = trial.node.asked
        await trial.cassandra.run(INSERT, 1, 2, "two", 30)
        assert trial.node.asked == before + 1
    finally:
        await alter("DROP more")
        await asyncio.to_thread(trial.session.execute, "TRUNCATE numbers")
    await trial.nothing_is_kept()


async def test_who_gives_up_waiting_keeps_no_place_at_the_connection(trial: Trial) -> None:
    before = trial.node.asked
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(trial.cassandra.run(GET, 1, 2)) for _ in range(50)]
        await asyncio.sleep(0)
        for one in waiting:
            one.cancel()
    assert all(one.cancelled() for one in waiting)
    await trial.node.came(before + 50)
    await trial.nothing_is_kept()


async def test_a_connection_that_ends_fails_what_it_carries_at_once(trial: Trial) -> None:
    trial.node.answers += [None] * 20
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(is_unavailable(trial.cassandra)) for _ in range(20)]
        await trial.node.came(trial.node.asked + 20)
        began = asyncio.get_running_loop().time()
        trial.node.cut()
    assert asyncio.get_running_loop().time() - began < 1
    assert all(one.result() for one in waiting)
    await ready(trial.cassandra)
    assert await trial.cassandra.run(GET, 1, 2) == [("two",)]
    await trial.nothing_is_kept()


async def is_unavailable(cassandra: Cassandra) -> bool:
    try:
        await cassandra.run(GET, 1, 2)
    except Unavailable:
        return True
    return False


async def test_without_a_free_place_the_driver_waits_for_one(trial: Trial) -> None:
    connection = trial.connection
    most, connection.max_request_id = connection.max_request_id, 0

    def free() -> None:
        connection.max_request_id = most
        [pool] = trial.session.get_pools()
        pool.on_orphaned_stream_released()

    freeing = threading.Timer(0.2, free)
    freeing.start()
    assert await trial.cassandra.run(GET, 1, 2) == [("two",)]
    freeing.join()
    await trial.nothing_is_kept()


async def test_what_a_busy_connection_does_not_take_keeps_no_place(trial: Trial) -> None:
    connection = trial.connection
    connection._socket_writable = False  # as the driver marks one whose node does not read
    with pytest.raises(Unavailable):
        await trial.cassandra.run(GET, 1, 2)
    connection._socket_writable = True
    # The driver was asked as well, for another node; it does not give back the place that it took here.
    assert connection.in_flight == 1
    assert len(set(connection.request_ids)) == connection.highest_request_id
    assert await trial.cassandra.run(GET, 1, 2) == [("two",)]

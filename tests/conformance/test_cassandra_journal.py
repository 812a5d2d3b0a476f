"""A commit is cut off between its row and its state, at every place where that is possible: whoever reads the row next
completes it, and announces nothing before.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable

import pytest

from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.events.interface import OutboxReader, OutboxRow
from mesh.storage.cassandra import Cassandra, Statement
from mesh.storage.cassandra_batch import UnsafeWrite, Write
from mesh.storage.cassandra_journal import Journal, decode, encode
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.cassandra_outbox_rows import StoredRow, journal, place_at
from tests.conformance.tweet_store.between import Between, HoldsWrites, LosesAnswers, LosesCalls
from tests.support.cassandra import open_keyspace
from tests.support.outboxes import a_tweet_created, place_of

SET = Statement("test.set", "INSERT INTO tweet_by_id (tweet_id, content) VALUES (?, ?) USING TIMESTAMP ?")
LIST = Statement("test.list", "INSERT INTO replies (parent_id, month, tweet_id) VALUES (?, ?, ?) USING TIMESTAMP ?")
SET_NOW = Statement("test.set_now", "INSERT INTO tweet_by_id (tweet_id, content) VALUES (?, ?)")
GET = Statement("test.get", "SELECT content FROM tweet_by_id WHERE tweet_id = ?")
LISTED = Statement("test.listed", "SELECT tweet_id FROM replies WHERE parent_id = ? AND month = ?")
CLOCK = FrozenClock()
NOW_US = CLOCK.now_us()


@pytest.fixture
async def cassandra() -> AsyncIterator[Cassandra]:
    async with open_keyspace("tweet") as opened:
        yield opened


def opened(cassandra: Cassandra) -> CassandraOutbox:
    """As a process has it."""
    return CassandraOutbox(cassandra, clock=CLOCK)


async def commit(outbox: CassandraOutbox, event_id: int, *, text: str = "text", written_us: int = NOW_US) -> None:
    """Something in two partitions."""
    calls = (SET, (event_id, text, written_us)), (LIST, (event_id, 202601, event_id, written_us))
    await outbox.commit("test.commit", *calls, announce=a_tweet_created(event_id), at_us=NOW_US)


async def is_there(cassandra: Cassandra, event_id: int) -> bool:
    halves = await cassandra.run(GET, event_id), await cassandra.run(LISTED, event_id, 202601)
    assert len({len(half) for half in halves}) == 1, "a half of it is there"
    return bool(halves[0])


async def handed_out(reader: OutboxReader) -> list[int]:
    return [row.event.event_id for row in await reader.next(limit=100)]


async def test_a_commit_is_there_when_it_returns_and_is_handed_out_once(cassandra: Cassandra) -> None:
    outbox = opened(cassandra)
    reader = outbox.reader()
    await commit(outbox, 1)
    assert await is_there(cassandra, 1)
    assert [await handed_out(reader) for _ in range(2)] == [[1], []]


@pytest.mark.parametrize("lossy", [LosesCalls, LosesAnswers])
async def test_what_a_process_had_no_time_for_is_done_by_another_before_it_is_announced(
    cassandra: Cassandra, lossy: Callable[..., Between]
) -> None:
    gone = opened(lossy(cassandra, "test.commit"))
    with pytest.raises(Unavailable):
        await commit(gone, 1)
    assert await is_there(cassandra, 1) is (lossy is LosesAnswers)
    assert await handed_out(opened(cassandra).reader()) == [1]
    assert await is_there(cassandra, 1)


async def test_a_row_that_was_not_written_leaves_nothing_to_be_done(cassandra: Cassandra) -> None:
    with pytest.raises(Unavailable):
        await commit(opened(LosesCalls(cassandra, "outbox.journal")), 1)
    assert await handed_out(opened(cassandra).reader()) == []
    assert not await is_there(cassandra, 1)


async def test_a_row_in_progress_is_handed_out_when_it_is_done_and_nothing_is_asked_for_it_until_then(
    cassandra: Cassandra,
) -> None:
    slow = HoldsWrites(cassandra)
    outbox = opened(slow)
    reader = outbox.reader()
    async with asyncio.TaskGroup() as group:
        group.create_task(commit(outbox, 1))
        await slow.has_one.wait()
        assert [await handed_out(reader) for _ in range(3)] == [[], [], []]
        assert not await is_there(cassandra, 1)
        slow.goes_on.set()
    assert await handed_out(reader) == [1]


async def test_a_row_in_progress_elsewhere_is_done_by_who_meets_it_and_the_first_does_no_harm(
    cassandra: Cassandra,
) -> None:
    slow, other = HoldsWrites(cassandra), opened(cassandra)
    async with asyncio.TaskGroup() as group:
        group.create_task(commit(opened(slow), 1, text="first", written_us=NOW_US))
        await slow.has_one.wait()
        assert await handed_out(other.reader()) == [1]
        assert await is_there(cassandra, 1)
        await other.delete([await place_of(other, 1)])
        await cassandra.run(SET, 1, "later", NOW_US + 1)
        slow.goes_on.set()
    assert await cassandra.run(GET, 1) == [("later",)]
    assert await handed_out(opened(cassandra).reader()) == []


async def test_what_failed_is_completed_by_the_same_process(cassandra: Cassandra) -> None:
    outbox = opened(LosesCalls(cassandra, "test.commit"))
    reader = outbox.reader()
    with pytest.raises(Unavailable):
        await commit(outbox, 1)
    assert await handed_out(reader) == [1]
    assert await is_there(cassandra, 1)


async def test_what_was_cancelled_is_completed_by_the_same_process(cassandra: Cassandra) -> None:
    slow = HoldsWrites(cassandra)
    outbox = opened(slow)
    reader = outbox.reader()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(commit(outbox, 1))
        await slow.has_one.wait()
        task.cancel()
    slow.goes_on.set()
    assert await handed_out(reader) == [1]
    assert await is_there(cassandra, 1)


async def test_state_that_is_applied_again_after_later_writes_changes_nothing(cassandra: Cassandra) -> None:
    outbox = opened(cassandra)
    await commit(outbox, 1, text="first", written_us=NOW_US)
    await commit(outbox, 1, text="second", written_us=NOW_US + 5)
    # Another process knows of none of them that they are applied.
    assert await handed_out(opened(cassandra).reader()) == [1, 1]
    assert await cassandra.run(GET, 1) == [("second",)]


async def test_a_row_that_can_never_be_applied_does_not_stop_the_others_and_stays(
    cassandra: Cassandra, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = Write("INSERT INTO nowhere (key) VALUES (?) USING TIMESTAMP ?", [b"", b""])
    too_many = Write(SET.text, [b"", b"", b"", b""])
    for number, writes in enumerate((encode([wrong]), encode([too_many]), b"no journal"), start=1):
        event = a_tweet_created(number)
        stored = StoredRow(OutboxRow(place_at(NOW_US + number, number).sequence, event, NOW_US), writes)
        statement, values = journal(stored)
        await cassandra.run(statement, *values)
    outbox = opened(cassandra)
    await commit(outbox, 4)
    reader = opened(cassandra).reader()
    assert [await handed_out(reader) for _ in range(2)] == [[4], []]
    assert [row.event.event_id for row in await outbox.pending(after=0, limit=10)] == [4, 1, 2, 3]
    told = [record.getMessage() for record in caplog.records if record.name == "mesh.storage.cassandra_journal"]
    assert told == [f"the writes of event {number} cannot be applied" for number in (1, 2, 3)]


async def test_what_cannot_be_applied_now_is_tried_again_and_the_rest_is_handed_out(cassandra: Cassandra) -> None:
    for number in (1, 2):
        await commit(opened(cassandra), number)
    reader = opened(LosesCalls(cassandra, "outbox.complete")).reader()
    assert [await handed_out(reader) for _ in range(3)] == [[2], [1], []]


async def test_a_statement_without_a_timestamp_is_a_defect_and_nothing_of_it_is_done(cassandra: Cassandra) -> None:
    outbox = opened(cassandra)
    with pytest.raises(UnsafeWrite, match="timestamp"):
        await outbox.commit("test.commit", (SET_NOW, (1, "now")), announce=a_tweet_created(1), at_us=NOW_US)
    assert await outbox.pending(after=0, limit=10) == []
    assert await cassandra.run(GET, 1) == []


async def test_who_buries_a_row_leaves_nothing_of_it_undone(cassandra: Cassandra) -> None:
    with pytest.raises(Unavailable):
        await commit(opened(LosesCalls(cassandra, "test.commit")), 1)
    outbox = opened(cassandra)
    await outbox.bury(await place_of(outbox, 1), group="timeline", reason="no", at_us=5)
    assert await is_there(cassandra, 1)


async def test_rows_that_are_confirmed_are_forgotten(cassandra: Cassandra) -> None:
    known = Journal(cassandra)
    places = [place_at(NOW_US, number) for number in range(3)]
    stored = [StoredRow(OutboxRow(place.sequence, a_tweet_created(place.event_id), NOW_US), b"?") for place in places]
    for place in places:
        known.note_applied(place)
    known.forget(places[:2])
    assert [known.is_applied(each) for each in stored] == [False, False, True]
    assert known.is_applied(dataclasses.replace(stored[0], writes=b""))


def test_what_was_encoded_is_decoded() -> None:
    writes = [Write(f"ä {SET.text}", [b"", None, b"\x00" * 3]), Write(LIST.text, [])]
    assert decode(encode(writes)) == writes
    with pytest.raises(ValueError, match="cut off"):
        decode(encode(writes)[:-1])

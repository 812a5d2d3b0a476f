"""What the outbox on Cassandra promises beyond the suite: how little it asks, that nothing is lost or comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import timedelta

import pytest

from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.events.interface import OutboxReader
from mesh.metrics import Metrics
from mesh.storage.cassandra import Call, Cassandra, Row, Statement
from mesh.storage.cassandra_batch import Write
from mesh.storage.cassandra_outbox_rows import BUCKET_US, SHARDS, committed_us, insert
from tests.support.cassandra import open_keyspace
from tests.support.outboxes import StoredOutbox, a_tweet_created, bury, on_cassandra, place_of

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Watched(Cassandra):
    """Hands every statement on, and remembers it; refuses those of the places in `refused`, counted from here on."""

    def __init__(self, cassandra: Cassandra) -> None:
        super().__init__(Metrics())
        self._cassandra = cassandra
        self.asked: list[tuple[str, tuple[object, ...]]] = []
        self.refused: Collection[int] = ()

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        self.asked.append((statement.name, values))
        if len(self.asked) in self.refused:
            raise Unavailable.backend("the store")
        return await self._cassandra.run(statement, *values)

    async def batch(self, name: str, *calls: Call) -> list[Row]:
        self.asked.append((name, ()))
        return await self._cassandra.batch(name, *calls)

    async def encoded(self, *calls: Call) -> list[Write]:
        return await self._cassandra.encoded(*calls)

    async def write(self, name: str, *writes: Write) -> None:
        self.asked.append((name, ()))
        if len(self.asked) in self.refused:
            raise Unavailable.backend("the store")
        await self._cassandra.write(name, *writes)

    def places(self) -> list[tuple[object, object]]:
        """Bucket and sequence from which each reading of rows began."""
        return [(values[0], values[2]) for name, values in self.asked if name == "outbox.after"]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with open_keyspace("tweet") as cassandra:
        yield Watched(cassandra)


@pytest.fixture
def stored(watched: Watched, clock: FrozenClock) -> StoredOutbox:
    return on_cassandra(watched, clock)


async def pass_time(reader: OutboxReader, clock: FrozenClock, time: timedelta, *, step: timedelta) -> list[int]:
    found: list[int] = []
    for _ in range(time // step):
        clock.advance(step)
        found += [row.event.event_id for row in await reader.next(limit=100)]
    return found


async def delete_all(stored: StoredOutbox) -> None:
    await stored.outbox.delete([row.place for row in await stored.outbox.pending(after=0, limit=1_000)])


async def test_an_idle_relay_asks_less_than_five_times_a_second(
    stored: StoredOutbox, watched: Watched, clock: FrozenClock
) -> None:
    reader = stored.outbox.reader()
    await stored.append(a_tweet_created(1))
    await reader.next(limit=100)
    await delete_all(stored)
    await pass_time(reader, clock, 20 * MINUTE, step=MINUTE)
    watched.asked.clear()
    await pass_time(reader, clock, 5 * MINUTE, step=timedelta(milliseconds=250))
    assert len(watched.asked) < 5 * 300


async def test_rows_that_were_read_are_not_walked_again(
    stored: StoredOutbox, watched: Watched, clock: FrozenClock
) -> None:
    reader = stored.outbox.reader()
    for event_id in range(1, 40):
        await stored.append(a_tweet_created(event_id))
        await reader.next(limit=100)
        clock.advance(SECOND)
    watched.asked.clear()
    await stored.append(a_tweet_created(99))
    await reader.next(limit=100)
    now_us = clock.now_us()
    assert watched.places()
    assert all(committed_us(sequence) > now_us - 5_000_000 for _, sequence in watched.places())  # type: ignore[arg-type]  # a sequence


async def test_a_bucket_in_which_nothing_waits_is_read_three_times_more_and_then_never(
    stored: StoredOutbox, watched: Watched, clock: FrozenClock
) -> None:
    bucket = clock.now_us() // BUCKET_US
    reader = stored.outbox.reader()
    await stored.append(a_tweet_created(1))
    await reader.next(limit=100)
    await delete_all(stored)
    await pass_time(reader, clock, 70 * SECOND, step=SECOND)
    watched.asked.clear()
    await pass_time(reader, clock, 23 * HOUR, step=5 * MINUTE)
    assert [place for place in watched.places() if place[0] == bucket] == 2 * SHARDS * [(bucket, 0)]
    watched.asked.clear()
    await pass_time(reader, clock, 2 * HOUR, step=5 * MINUTE)
    assert [place for place in watched.places() if place[0] == bucket] == SHARDS * [(bucket, 0)]
    watched.asked.clear()
    await pass_time(reader, clock, 49 * HOUR, step=HOUR)
    await pass_time(stored.again().outbox.reader(), clock, 3 * SECOND, step=SECOND)
    assert bucket not in {place[0] for place in watched.places()}
    assert await watched.run(Statement("test.buckets", "SELECT bucket FROM outbox_buckets")) == []
    assert await watched.run(Statement("test.days", "SELECT day FROM outbox_days")) == []


async def test_who_starts_does_not_look_where_others_have_seen_that_nothing_waits(
    stored: StoredOutbox, watched: Watched, clock: FrozenClock
) -> None:
    bucket = clock.now_us() // BUCKET_US
    reader = stored.outbox.reader()
    await stored.append(a_tweet_created(1))
    await delete_all(stored)
    await pass_time(reader, clock, 15 * MINUTE, step=MINUTE)
    watched.asked.clear()
    assert await stored.again().outbox.reader().next(limit=100) == []
    assert await stored.outbox.pending(after=0, limit=100) == []
    assert bucket not in {place[0] for place in watched.places()}


async def test_a_bucket_that_is_opened_again_is_looked_at_again(stored: StoredOutbox, clock: FrozenClock) -> None:
    earlier_us = clock.now_us()
    reader = stored.outbox.reader()
    await stored.append(a_tweet_created(1))
    await delete_all(stored)
    await pass_time(reader, clock, 15 * MINUTE, step=MINUTE)
    await stored.again().append(a_tweet_created(2), at_us=earlier_us)
    assert [row.event.event_id for row in await stored.outbox.pending(after=0, limit=10)] == [2]
    assert await pass_time(reader, clock, 2 * MINUTE, step=MINUTE) == [2]


async def test_a_write_that_is_carried_out_again_does_not_bring_a_row_back(
    stored: StoredOutbox, watched: Watched
) -> None:
    await stored.append(a_tweet_created(1))
    place = await place_of(stored.outbox, 1)
    await stored.outbox.delete([place])
    statement, values = insert(place, a_tweet_created(1))
    await watched.run(statement, *values)
    assert await stored.outbox.pending(after=0, limit=10) == []


@pytest.mark.parametrize("nth", range(1, 30))
async def test_a_statement_that_fails_costs_no_row(
    stored: StoredOutbox, watched: Watched, clock: FrozenClock, nth: int
) -> None:
    """Each of the statements of a start, and of the first seconds, in turn."""
    waits = {worker << 12 | number for worker in range(5) for number in range(3)}
    await stored.append(*(a_tweet_created(event_id) for event_id in waits))
    clock.advance(5 * MINUTE)
    reader = stored.again().outbox.reader()
    watched.asked.clear()
    watched.refused = {nth}
    found: set[int] = set()
    for _ in range(10):
        try:
            found |= {row.event.event_id for row in await reader.next(limit=2)}
        except Unavailable:
            watched.refused = ()
    assert found == waits


async def test_many_rows_are_deleted_with_few_statements(stored: StoredOutbox, watched: Watched) -> None:
    await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 251)))
    watched.asked.clear()
    await delete_all(stored)
    assert len([name for name, _ in watched.asked if name == "outbox.delete"]) == 3
    assert await stored.outbox.pending(after=0, limit=10) == []


async def test_a_large_event_becomes_a_dead_letter_and_waits_again(stored: StoredOutbox) -> None:
    """Larger than what the nodes take as a batch."""
    event = a_tweet_created(1, content="x" * 100_000)
    await stored.append(event)
    await bury(stored.outbox, 1)
    assert [row.event for row in await stored.outbox.dead(after=0, limit=9)] == [event]
    assert await stored.outbox.revive([1]) == [1]
    assert [row.event for row in await stored.outbox.reader().next(limit=9)] == [event]
    assert await stored.outbox.dead(after=0, limit=9) == []


@pytest.mark.parametrize("nth", range(1, 6))
async def test_a_burial_that_is_cut_off_is_done_again(stored: StoredOutbox, watched: Watched, nth: int) -> None:
    await stored.append(a_tweet_created(1))
    place = await place_of(stored.outbox, 1)
    watched.asked.clear()
    watched.refused = {nth}
    try:
        await stored.outbox.bury(place, group="timeline", reason="no", at_us=5)
    except Unavailable:
        assert nth < 5
        watched.refused = ()
        # Who reads it meets it still, and gives it up again.
        assert [row.place for row in await stored.again().outbox.reader().next(limit=9)] == [place]
        await stored.outbox.bury(place, group="timeline", reason="no", at_us=6)
    else:
        assert nth == 5
        watched.refused = ()
    assert await stored.outbox.pending(after=0, limit=9) == []
    assert [row.place for row in await stored.outbox.dead(after=0, limit=9)] == [place]
    found = await stored.outbox.get(1)
    assert found is not None
    assert found.dead_group == "timeline"


@pytest.mark.parametrize("nth", range(1, 8))
async def test_a_replay_that_is_cut_off_is_not_done_or_done_whole(
    stored: StoredOutbox, watched: Watched, nth: int
) -> None:
    await stored.append(a_tweet_created(1))
    await bury(stored.outbox, 1)
    watched.asked.clear()
    watched.refused = {nth}
    other = stored.again().outbox
    try:
        await other.revive([1])
    except Unavailable:
        watched.refused = ()
        waits = [row.event.event_id for row in await stored.again().outbox.reader().next(limit=9)]
        assert waits + [row.event.event_id for row in await stored.outbox.dead(after=0, limit=9)] == [1]
        found = await stored.outbox.get(1)
        assert found is not None
        assert bool(found.dead_group) is not bool(waits)
    else:
        assert nth == 7

"""What processes that died have left: found by its mark, counted, listed and seen; and what is given up."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from engagement_svc.model import Drift, Engagement
from engagement_svc.store.cassandra import _CHANGE
from engagement_svc.store.cassandra_marks import SLOTS_OF_AN_HOUR, Change, Marks, Partition, slot_at
from engagement_svc.store.cassandra_repair import Repair
from engagement_svc.store.cassandra_settling import Settled, Settling
from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra, Page, Statement
from tests.conformance.engagement_store.backends import LATER, cassandra_store, marks_left, repair_of
from tests.conformance.engagement_store.cases import ANN, BOB, NOW, TWEET, engagement, like, likers
from tests.conformance.engagement_store.databases import DyingCassandra

# The statements of a first like of a process: the edge as stored, the slot, the mark, the edge.
A_MARK, AN_EDGE = 3, 4
_ALL_MARKS = Statement("marks.all", "SELECT mark_id FROM dirty_partitions")


class MarksGoFirst(Settling):
    """Removes the mark before it counts the edge."""

    async def settle(self, change: Change) -> Settled:
        if change.mark is not None:
            await self._marks.remove([change.mark])
        return await super().settle(change)


async def like_and_die(cassandra: Cassandra, clock: FrozenClock, *, after: int) -> None:
    """Ann likes it in a process whose last statement is the n-th."""
    dying = cassandra_store(DyingCassandra(Metrics(), cassandra._session, after=after), clock)
    with pytest.raises(Unavailable):
        await like(dying, ANN, TWEET)


async def test_a_process_that_dies_before_it_counts_leaves_a_mark(cassandra: Cassandra, clock: FrozenClock) -> None:
    store = cassandra_store(cassandra, clock)
    await like_and_die(cassandra, clock, after=AN_EDGE)
    assert await store.drifts() == [Drift(TWEET, "likes", kept=0, actual=1)]
    assert await engagement(store, TWEET, viewer_id=ANN) == Engagement(TWEET, 0, 0, is_liked=False)
    repair = repair_of(cassandra, clock)
    await repair.work_off()
    assert await marks_left(cassandra, clock) == 1, "whoever wrote it may be about to count it"
    clock.advance(LATER)
    assert await repair.work_off() == 0
    assert await marks_left(cassandra, clock) == 0
    assert await store.drifts() == []
    assert await likers(store, TWEET) == [ANN]
    assert await engagement(store, TWEET, viewer_id=ANN) == Engagement(TWEET, 1, 0, is_liked=True)


async def test_each_statement_after_the_edge_is_made_up_for(cassandra: Cassandra, clock: FrozenClock) -> None:
    store = cassandra_store(cassandra, clock)
    for after in range(AN_EDGE, AN_EDGE + 6):
        dying = cassandra_store(DyingCassandra(Metrics(), cassandra._session, after=after), clock)
        with pytest.raises(Unavailable):
            await like(dying, ANN, TWEET + after)
        clock.advance(LATER)
        assert await repair_of(cassandra, clock).work_off() == 0
        assert await likers(store, TWEET + after) == [ANN]
        assert await engagement(store, TWEET + after, viewer_id=ANN) == Engagement(TWEET + after, 1, 0, is_liked=True)
    assert await marks_left(cassandra, clock) == 0


async def test_a_process_that_dies_after_its_mark_has_done_nothing(cassandra: Cassandra, clock: FrozenClock) -> None:
    store, repair = cassandra_store(cassandra, clock), repair_of(cassandra, clock)
    await like(store, BOB, TWEET)
    await like_and_die(cassandra, clock, after=A_MARK)
    first_hour = slot_at(clock.now_us()) // SLOTS_OF_AN_HOUR
    clock.advance(LATER)
    assert await repair.work_off() == 0
    assert await likers(store, TWEET) == [BOB]
    assert await engagement(store, TWEET, viewer_id=ANN) == Engagement(TWEET, 1, 0, is_liked=False)
    assert await marks_left(cassandra, clock) == 1, "its edge may come yet"
    for _ in range(2):
        clock.advance(timedelta(hours=1))
        assert await repair.work_off() == 0
    assert await Marks(cassandra, clock).slots([first_hour]) == []
    assert await cassandra.page(_ALL_MARKS, size=10) == Page([], b"")
    assert await store.drifts() == []


async def test_a_mark_without_an_edge_is_looked_at_once_a_minute(cassandra: Cassandra, clock: FrozenClock) -> None:
    counted = Cassandra(Metrics(), cassandra._session)
    repair = repair_of(counted, clock)
    await like_and_die(cassandra, clock, after=A_MARK)
    clock.advance(timedelta(minutes=2))
    for _ in range(36):
        clock.advance(timedelta(seconds=5))
        await repair.work_off()
    settled = counted._metrics.store_calls.labels("edges.named", "OK")._value.get()
    assert 3 <= settled <= 4


async def test_a_slot_that_cannot_be_worked_off_stays_open(cassandra: Cassandra, clock: FrozenClock) -> None:
    await like_and_die(cassandra, clock, after=AN_EDGE)
    marks = Marks(cassandra, clock)
    cut_off = Repair(marks, Settling(DyingCassandra(Metrics(), cassandra._session, after=0), marks), clock)
    for _ in range(3):
        clock.advance(timedelta(hours=1))
        assert await cut_off.work_off() == 1
    assert await repair_of(cassandra, clock).work_off() == 0
    assert await cassandra_store(cassandra, clock).drifts() == []


async def test_a_start_finds_what_was_left_weeks_ago_with_few_statements(
    cassandra: Cassandra, clock: FrozenClock
) -> None:
    counted = Cassandra(Metrics(), cassandra._session)
    await like_and_die(cassandra, clock, after=AN_EDGE)
    clock.advance(timedelta(days=29))
    assert await repair_of(counted, clock).work_off() == 0
    assert await cassandra_store(cassandra, clock).drifts() == []
    assert counted._metrics.store_calls.labels("marks.slots", "OK")._value.get() < 100


async def test_without_its_mark_nobody_would_find_it(cassandra: Cassandra, clock: FrozenClock) -> None:
    dying = DyingCassandra(Metrics(), cassandra._session, after=AN_EDGE + 1)
    with pytest.raises(Unavailable):
        await like(cassandra_store(dying, clock, settling_class=MarksGoFirst), ANN, TWEET)
    clock.advance(LATER)
    await repair_of(cassandra, clock).work_off()
    assert await cassandra_store(cassandra, clock).drifts() == [Drift(TWEET, "likes", kept=0, actual=1)]


async def test_a_call_that_succeeds_leaves_no_mark(cassandra: Cassandra, clock: FrozenClock) -> None:
    store = cassandra_store(cassandra, clock)
    for user_id in (ANN, BOB, ANN):
        await like(store, user_id, TWEET)
    await store.unlike(BOB, TWEET, now_us=NOW)
    await store.add_tweet(TWEET + 1, author_id=ANN, parent_id=TWEET)
    assert await marks_left(cassandra, clock) == 0


@pytest.mark.parametrize("late", [timedelta(seconds=30), timedelta(minutes=3), timedelta(minutes=58)])
async def test_a_mark_waits_for_its_edge(cassandra: Cassandra, clock: FrozenClock, late: timedelta) -> None:
    store = cassandra_store(cassandra, clock)
    await like(store, ANN, TWEET)
    partition = Partition.of("likes", TWEET, ANN)
    await Marks(cassandra, clock).mark(partition, ANN, op_us=NOW + 9)
    repair = repair_of(cassandra, clock)
    for _ in range(2):
        clock.advance(late / 2)
        assert await repair.work_off() == 0
    assert (await engagement(store, TWEET, viewer_id=ANN)).is_liked
    assert await marks_left(cassandra, clock) == 1
    await cassandra.run(_CHANGE, NOW + 9, False, NOW + 9, *partition, ANN)
    clock.advance(timedelta(minutes=1))
    assert await repair.work_off() == 0
    assert await engagement(store, TWEET, viewer_id=ANN) == Engagement(TWEET, 0, 0, is_liked=False)
    assert await store.drifts() == []
    assert await marks_left(cassandra, clock) == 0


async def test_a_slot_is_closed_when_it_was_found_empty_twice(cassandra: Cassandra, clock: FrozenClock) -> None:
    store, marks, repair = cassandra_store(cassandra, clock), Marks(cassandra, clock), repair_of(cassandra, clock)
    await like(store, ANN, TWEET)
    first_hour = slot_at(clock.now_us()) // SLOTS_OF_AN_HOUR
    open_slots = partial(marks.slots, [first_hour])
    (slot,) = await open_slots()
    for _ in range(2):
        clock.advance(timedelta(minutes=2))
        await repair.work_off()
    assert await open_slots() == [slot]
    # A mark that came late, by a clock that is late.
    late_clock = FrozenClock()
    assert slot_at(late_clock.now_us()) == slot
    change = await Marks(cassandra, late_clock).mark(Partition.of("likes", TWEET, ANN), ANN, op_us=NOW)
    assert change.mark is not None
    clock.advance(timedelta(hours=1))
    assert await repair.work_off() == 0
    assert slot not in await open_slots()
    assert await marks.page(slot, change.mark.shard, after=-1) == []


async def test_a_process_that_starts_an_hour_later_looks_twice_before_it_closes(
    cassandra: Cassandra, clock: FrozenClock
) -> None:
    await like(cassandra_store(cassandra, clock), ANN, TWEET)
    marks = Marks(cassandra, clock)
    first_hour = slot_at(clock.now_us()) // SLOTS_OF_AN_HOUR
    clock.advance(timedelta(hours=5))
    repair = repair_of(cassandra, clock)
    await repair.work_off()
    await repair.work_off()
    assert len(await marks.slots([first_hour])) == 1, "the edge of a node that was down may come yet"
    clock.advance(timedelta(minutes=10))
    await repair.work_off()
    assert await marks.slots([first_hour]) == []

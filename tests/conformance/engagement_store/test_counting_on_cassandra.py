"""How Cassandra's counts stay exact, one interleaving at a time: the version, and edges and views that come late."""

from __future__ import annotations

import asyncio

from engagement_svc.model import Drift, Engagement
from engagement_svc.store.cassandra import CassandraEngagementStore
from engagement_svc.store.cassandra_marks import Partition
from engagement_svc.store.cassandra_settling import Reading, Settling
from mesh.clock import FrozenClock
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra
from tests.conformance.engagement_store.backends import LATER, cassandra_store, marks_left, repair_of
from tests.conformance.engagement_store.cases import ANN, NOW, TWEET, engagement, like
from tests.conformance.engagement_store.databases import StallingCassandra


class NothingToMoveIsSettled(Settling):
    """Without the fence."""

    async def _apply(self, partition: Partition, reading: Reading) -> int | None:
        if reading.count_after == reading.count:
            return reading.version or 0
        return await super()._apply(partition, reading)


async def drifts_after_a_stalled_like(
    cassandra: Cassandra, clock: FrozenClock, settling_class: type[Settling]
) -> list[Drift]:
    """A process reads a live like and stalls; it is taken back by another, which finds nothing to move; the first
    goes on.
    """
    stalling = StallingCassandra(Metrics(), cassandra._session, before="edges.move")
    stalled = cassandra_store(stalling, clock, settling_class=settling_class)
    other = cassandra_store(cassandra, clock, settling_class=settling_class)
    async with asyncio.TaskGroup() as group:
        group.create_task(like(stalled, ANN, TWEET))
        await stalling.has_stopped.wait()
        taken = await other.unlike(ANN, TWEET, now_us=NOW)
        assert taken is not None
        assert (taken.edge.is_live, taken.likes_count) == (False, 0)
        stalling.go_on.set()
    return await other.drifts()


async def test_a_batch_of_a_stalled_process_does_nothing(cassandra: Cassandra, clock: FrozenClock) -> None:
    assert await drifts_after_a_stalled_like(cassandra, clock, Settling) == []


async def test_without_the_fence_it_counts_a_like_that_was_taken_back(cassandra: Cassandra, clock: FrozenClock) -> None:
    drifts = await drifts_after_a_stalled_like(cassandra, clock, NothingToMoveIsSettled)
    assert drifts == [Drift(TWEET, "likes", kept=1, actual=0)]
    # Nor does anybody ever find it: no mark is left.
    assert await marks_left(cassandra, clock) == 0


async def test_a_first_like_that_is_written_late_gets_the_id_that_was_answered(
    cassandra: Cassandra, clock: FrozenClock
) -> None:
    stalling = StallingCassandra(Metrics(), cassandra._session, before="edges.begin")
    async with asyncio.TaskGroup() as group:
        late = group.create_task(like(cassandra_store(stalling, clock), ANN, TWEET, edge_id=9, now_us=NOW + 1))
        await stalling.has_stopped.wait()
        first = await like(cassandra_store(cassandra, clock), ANN, TWEET, edge_id=7)
        stalling.go_on.set()
    edge = late.result().edge
    assert (edge.edge_id, edge.created_us) == (first.edge.edge_id, first.edge.created_us) == (7, NOW)
    assert await cassandra_store(cassandra, clock).likes(TWEET, below_edge_id=0, limit=10) == [edge]


async def test_what_a_user_sees_is_the_latest_whoever_shows_it_last(cassandra: Cassandra, clock: FrozenClock) -> None:
    stalling = StallingCassandra(Metrics(), cassandra._session, before="likes_by_user.show")
    store = cassandra_store(cassandra, clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(like(cassandra_store(stalling, clock), ANN, TWEET))
        await stalling.has_stopped.wait()
        await store.unlike(ANN, TWEET, now_us=NOW + 1)
        stalling.go_on.set()
    assert await engagement(store, TWEET, viewer_id=ANN) == Engagement(TWEET, 0, 0, is_liked=False)


async def test_an_edge_that_comes_after_a_newer_one_changes_nothing(cassandra: Cassandra, clock: FrozenClock) -> None:
    stalling = StallingCassandra(Metrics(), cassandra._session, before="edges.change")
    store = cassandra_store(cassandra, clock)
    await like(store, ANN, TWEET)
    async with asyncio.TaskGroup() as group:
        late = group.create_task(cassandra_store(stalling, clock).unlike(ANN, TWEET, now_us=NOW + 1))
        await stalling.has_stopped.wait()
        await store.unlike(ANN, TWEET, now_us=NOW + 2)
        again = await like(store, ANN, TWEET, now_us=NOW + 3)
        clock.advance(LATER)
        assert await repair_of(cassandra, clock).work_off() == 0
        assert await marks_left(cassandra, clock) == 0, "what is newer than the marked edge stands for it"
        stalling.go_on.set()
    assert late.result() == again
    assert await engagement(store, TWEET, viewer_id=ANN) == Engagement(TWEET, 1, 0, is_liked=True)
    assert await store.drifts() == []


async def test_likes_of_one_process_share_batches(cassandra: Cassandra, clock: FrozenClock) -> None:
    counted = Cassandra(Metrics(), cassandra._session)
    store: CassandraEngagementStore = cassandra_store(counted, clock)
    await asyncio.gather(*(like(store, user_id, TWEET) for user_id in range(1, 201)))
    assert (await engagement(store, TWEET)).likes_count == 200
    batches = counted._metrics.store_calls.labels("edges.move", "OK")._value.get()
    assert batches < 100

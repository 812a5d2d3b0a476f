"""What only a store of partitions can get wrong: writes that come late, and processes killed between two writes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import pytest

from graph_svc.author_class import Stage
from graph_svc.model import FollowEdge, GraphCounts
from graph_svc.store.cassandra import CassandraGraphStore
from graph_svc.store.cassandra_classes import CassandraClasses
from graph_svc.store.cassandra_counts import bucket_of
from mesh.clock import SystemClock
from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.storage.cassandra import Cassandra, Row, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from tests.conformance.graph_store.backends import Backend, on_cassandra
from tests.conformance.graph_store.cases import ANN, BOB, EVE, NOW, at_stage, events, follow, followers, unfollow
from tests.support.cassandra import open_keyspace

EVENT = OutboxEvent(5, "ev.graph.author_class_changed.00", b"to push")


@pytest.fixture
async def cassandra() -> AsyncIterator[Cassandra]:
    async with open_keyspace("graph") as opened:
        yield opened


@pytest.fixture
async def backend(cassandra: Cassandra) -> Backend:
    return on_cassandra(cassandra)


class Held:
    """Hands every call on; the first statement or batch of one name waits until it is let go, or is never sent."""

    def __init__(self, cassandra: Cassandra, *, name: str) -> None:
        self._cassandra = cassandra
        self._name = name
        self.is_waiting = asyncio.Event()
        self.may_go = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cassandra, name)

    async def run(self, statement: Statement, *values: object) -> list[Row]:
        await self._hold(statement.name)
        return await self._cassandra.run(statement, *values)

    async def batch(self, name: str, *calls: Any) -> list[Row]:
        await self._hold(name)
        return await self._cassandra.batch(name, *calls)

    async def write(self, name: str, *writes: Any) -> None:
        await self._hold(name)
        await self._cassandra.write(name, *writes)

    async def _hold(self, name: str) -> None:
        if name == self._name and not self.is_waiting.is_set():
            self.is_waiting.set()
            await self.may_go.wait()


def store_on(engine: Any) -> CassandraGraphStore:
    return CassandraGraphStore(engine, CassandraOutbox(engine), clock=SystemClock())


async def killed_before(engine: Held, call: Any) -> None:
    """Begin a call, and end it where the batch would have been sent."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(call)
        await engine.is_waiting.wait()
        task.cancel()


async def test_a_count_that_stalls_while_the_edge_ends_is_not_moved(cassandra: Cassandra, backend: Backend) -> None:
    """Two partitions are counted by a follow: the one that is held is seen by the drifts."""
    held = Held(cassandra, name="graph.count")
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(store_on(held), ANN, BOB))
        await held.is_waiting.wait()
        # For this one there is nothing to move: the edge was never counted, and is not live any more.
        await unfollow(backend.second, ANN, BOB)
        held.may_go.set()
    assert await backend.store.counts([ANN, BOB]) == {ANN: GraphCounts(), BOB: GraphCounts()}
    assert await backend.store.drifts() == []


async def test_a_change_that_cannot_be_seen_yet_is_not_complete(backend: Backend) -> None:
    with pytest.raises(Unavailable):
        await backend.store.complete(ANN, BOB, op_time_us=NOW)
    edge = await follow(backend.store, ANN, BOB)
    with pytest.raises(Unavailable):
        await backend.store.complete(ANN, BOB, op_time_us=edge.op_time_us + 1)
    await backend.store.complete(ANN, BOB, op_time_us=edge.op_time_us)


async def test_a_follow_killed_after_its_id_was_claimed_never_was(cassandra: Cassandra, backend: Backend) -> None:
    held = Held(cassandra, name="outbox.journal")
    await killed_before(held, follow(store_on(held), ANN, BOB, edge_id=7))
    assert await unfollow(backend.store, ANN, BOB) is None
    assert await followers(backend.store, BOB) == []
    assert await backend.store.drifts() == []
    edge = await follow(backend.store, ANN, BOB, edge_id=8, now_us=NOW + 10)
    assert edge == FollowEdge(ANN, BOB, 7, NOW, NOW + 10, is_live=True)


async def test_a_stage_is_not_told_of_before_its_event_is_in_the_outbox(cassandra: Cassandra, backend: Backend) -> None:
    held = Held(cassandra, name="outbox.journal")
    first = await backend.store.standing(EVE)
    begin = store_on(held).change_stage(first, Stage.PUSHING, now_us=NOW, announce=EVENT)
    await killed_before(held, begin)
    assert (await backend.store.standing(EVE)).stage is Stage.PUSHING
    assert await events(backend) == []
    assert [standing.author_id for standing in await backend.second.unsettled(above_author_id=0, limit=10)] == [EVE]
    assert await events(backend) == ["to push"]
    await backend.store.unsettled(above_author_id=0, limit=10)
    assert await events(backend) == ["to push"]


async def test_an_index_written_late_by_the_job_changes_nothing(cassandra: Cassandra, backend: Backend) -> None:
    await follow(backend.store, ANN, EVE)
    stalled = await at_stage(backend.store, EVE, Stage.INDEXING)
    edges = await backend.store.followers(EVE, below_edge_id=0, limit=10)
    cleaning = await at_stage(backend.store, EVE, Stage.PUSHING, Stage.CLEANING)
    assert await backend.store.unindex_followers(cleaning, limit=10) is not None
    classes = CassandraClasses(cassandra, CassandraOutbox(cassandra), SystemClock())
    await classes.index(edges, stalled)
    assert await backend.store.pulled_authors(ANN) == []


async def test_an_index_written_late_does_not_outlive_the_follow(cassandra: Cassandra, backend: Backend) -> None:
    await follow(backend.store, ANN, EVE)
    standing = await at_stage(backend.store, EVE, Stage.INDEXING)
    edges = await backend.store.followers(EVE, below_edge_id=0, limit=10)
    await unfollow(backend.store, ANN, EVE)
    classes = CassandraClasses(cassandra, CassandraOutbox(cassandra), SystemClock())
    await classes.index(edges, standing)
    assert await backend.store.pulled_authors(ANN) == []


async def test_a_bucket_whose_newest_follows_have_ended_is_read_on_before_others_are_told(backend: Backend) -> None:
    buckets: dict[int, list[int]] = defaultdict(list)
    for n in range(1, 400):
        buckets[bucket_of(n)].append(n)
    ended, live = buckets[0][:20], [buckets[0][20], *buckets[1][:10], *buckets[2][:10]]
    newest = {n: 1_000 - place for place, n in enumerate((*ended, *live))}
    await asyncio.gather(*(follow(backend.store, n, EVE, edge_id=edge_id) for n, edge_id in newest.items()))
    await asyncio.gather(*(unfollow(backend.store, n, EVE) for n in ended))
    first = await backend.store.follower_ids(EVE, below_edge_id=0, limit=5)
    rest = await backend.store.follower_ids(EVE, below_edge_id=first.last_edge_id, limit=100)
    assert first.user_ids + rest.user_ids == live
    assert rest.last_edge_id == 0

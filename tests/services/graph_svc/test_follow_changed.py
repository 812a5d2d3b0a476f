"""The own event follow_changed: who crosses a bound begins to change class, however often and late it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from aviary.events.v1 import events_pb2
from graph_svc.author_class import Bounds, Stage, Standing
from graph_svc.consumers.follow_changed import on_follow_changed
from graph_svc.store.sqlite import SqliteGraphStore
from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.storage.sqlite import SqliteDatabase
from tests.conformance.graph_store.backends import Backend, open_cassandra, open_sqlite
from tests.conformance.graph_store.cases import ANN, BOB, CYD, EVE, at_stage, follow, unfollow
from tests.support.ids import CountingIds

BOUNDS = Bounds(pull_at=3, back_at=1, both_for=timedelta(seconds=60))


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Backend]:
    async with open_sqlite(tmp_path) as opened:
        yield opened


async def consume(backend: Backend, author_id: int) -> Stage:
    """Hand the event of any follow of the author to the consumer; the author's stage afterwards."""
    event = events_pb2.Event(event_id=1)
    event.follow_changed.follower_user_id = ANN
    event.follow_changed.followee_user_id = author_id
    await on_follow_changed(event, store=backend.store, ids=CountingIds(), clock=FrozenClock(), bounds=BOUNDS)
    return (await backend.store.standing(author_id)).stage


async def class_events(backend: Backend) -> list[events_pb2.AuthorClassChanged]:
    rows = await backend.outbox.pending(after=0, limit=100)
    found = [row.event.payload for row in rows if "author_class_changed" in row.event.subject]
    return [events_pb2.Event.FromString(payload).author_class_changed for payload in found]


async def test_below_the_threshold_nothing_changes(backend: Backend) -> None:
    for follower_id in (ANN, BOB):
        await follow(backend.store, follower_id, EVE)
    assert await consume(backend, EVE) is Stage.PUSH


async def test_the_threshold_begins_the_way_up_once(backend: Backend) -> None:
    for follower_id in (ANN, BOB, CYD):
        await follow(backend.store, follower_id, EVE)
    assert await consume(backend, EVE) is Stage.INDEXING
    begun = await backend.store.standing(EVE)
    assert await consume(backend, EVE) is Stage.INDEXING
    assert await backend.store.standing(EVE) == begun
    assert await class_events(backend) == []


async def test_the_way_back_begins_with_its_event_once(backend: Backend) -> None:
    await follow(backend.store, ANN, EVE)
    await at_stage(backend.store, EVE, Stage.PULL)
    assert await consume(backend, EVE) is Stage.PUSHING
    assert await consume(backend, EVE) is Stage.PUSHING
    assert await class_events(backend) == [
        events_pb2.AuthorClassChanged(
            user_id=EVE,
            author_class=events_pb2.AUTHOR_CLASS_BOTH,
            next_author_class=events_pb2.AUTHOR_CLASS_PUSH,
        )
    ]


async def test_between_the_bounds_a_pulled_author_stays_so(backend: Backend) -> None:
    for follower_id in (ANN, BOB):
        await follow(backend.store, follower_id, EVE)
    await at_stage(backend.store, EVE, Stage.PULL)
    assert await consume(backend, EVE) is Stage.PULL


async def test_a_late_event_looks_at_the_count_of_now(backend: Backend) -> None:
    for follower_id in (ANN, BOB, CYD):
        await follow(backend.store, follower_id, EVE)
    await unfollow(backend.store, ANN, EVE)
    assert await consume(backend, EVE) is Stage.PUSH


async def test_events_at_once_begin_one_change(backend: Backend) -> None:
    await follow(backend.store, ANN, EVE)
    await at_stage(backend.store, EVE, Stage.PULL)
    await asyncio.gather(*(consume(backend, EVE) for _ in range(10)))
    standing = await backend.store.standing(EVE)
    assert standing.stage is Stage.PUSHING
    assert len(await class_events(backend)) == 1
    assert await backend.outbox.get(standing.event_id) is not None


class BeatenOnce(SqliteGraphStore):
    """The flip job is faster, the first time."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self.was_beaten = False

    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        if standing.stage is Stage.INDEXED and not self.was_beaten:
            self.was_beaten = True
            await super().change_stage(standing, Stage.PULL, now_us=now_us)
        return await super().change_stage(standing, stage, now_us=now_us, announce=announce)


async def test_an_author_moved_by_the_job_meanwhile_is_looked_at_again(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, BeatenOnce) as backend:
        await follow(backend.store, ANN, EVE)
        await at_stage(backend.store, EVE, Stage.INDEXED)
        assert await consume(backend, EVE) is Stage.PUSHING
        assert len(await class_events(backend)) == 1


async def test_the_event_completes_what_a_killed_call_left(tmp_path: Path) -> None:
    async with open_cassandra(tmp_path) as backend:
        with pytest.raises(Unavailable):
            await follow(backend.unheard, ANN, EVE)
        assert (await backend.store.counts([EVE]))[EVE].followers_count == 0
        await consume(backend, EVE)
        assert (await backend.store.counts([EVE]))[EVE].followers_count == 1
        assert await backend.store.drifts() == []

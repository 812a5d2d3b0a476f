"""The flip job: BOTH ends when its work is done and its time is over, whoever is killed in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from graph_svc.author_class import Bounds, Stage
from graph_svc.flip import AUTHORS_AT_ONCE, FlipJob
from graph_svc.store import GraphStore
from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from tests.conformance.graph_store.backends import Backend, open_sqlite
from tests.conformance.graph_store.cases import ANN, BOB, CYD, DAN, EVE, at_stage, follow, indexed
from tests.support.outboxes import bury, place_of
from tests.support.wait_until import wait_until

BOUNDS = Bounds(pull_at=3, back_at=1, both_for=timedelta(seconds=60))
FOLLOWERS = range(1, 11)
EVENT = OutboxEvent(5, "ev.graph.author_class_changed.00", b"")


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Backend]:
    async with open_sqlite(tmp_path) as opened:
        for follower_id in FOLLOWERS:
            await follow(opened.store, follower_id, EVE)
        yield opened


def job(backend: Backend, clock: FrozenClock, *, store: GraphStore | None = None) -> FlipJob:
    return FlipJob(store or backend.store, backend.outbox, clock=clock, bounds=BOUNDS, followers_at_once=3)


async def stage_of(backend: Backend, author_id: int = EVE) -> Stage:
    return (await backend.store.standing(author_id)).stage


async def pullers(backend: Backend) -> list[int]:
    return [user_id for user_id in FOLLOWERS if EVE in await backend.store.pulled_authors(user_id)]


async def until_rest(flips: FlipJob) -> None:
    while await flips.run_once():
        pass


async def begin_pushing(backend: Backend, clock: FrozenClock) -> None:
    standing = await indexed(backend.store, EVE)
    assert await backend.store.change_stage(standing, Stage.PUSHING, now_us=clock.now_us(), announce=EVENT)


async def test_the_way_up_indexes_everybody_then_waits_then_pulls(backend: Backend, clock: FrozenClock) -> None:
    await at_stage(backend.store, EVE, Stage.INDEXING, now_us=clock.now_us())
    clock.advance(timedelta(seconds=100))  # the time of indexing does not count: only now may contexts know the author
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.INDEXED
    assert await pullers(backend) == list(FOLLOWERS)
    clock.advance(timedelta(seconds=59))
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.INDEXED
    clock.advance(timedelta(seconds=1))
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.PULL


async def test_a_job_that_was_killed_goes_on_where_it_was(backend: Backend, clock: FrozenClock) -> None:
    await at_stage(backend.store, EVE, Stage.INDEXING)
    await job(backend, clock).run_once()
    some = await pullers(backend)
    assert some == [8, 9, 10]
    await job(backend, clock).run_once()
    assert await pullers(backend) == [5, 6, 7, 8, 9, 10]


async def test_two_jobs_at_once_are_as_one(backend: Backend, clock: FrozenClock) -> None:
    await at_stage(backend.store, EVE, Stage.INDEXING)
    jobs = [job(backend, clock), job(backend, clock, store=backend.second)] * 3
    await asyncio.gather(*(until_rest(each) for each in jobs))
    assert await stage_of(backend) is Stage.INDEXED
    assert await pullers(backend) == list(FOLLOWERS)
    assert await backend.store.drifts() == []


async def test_the_way_back_waits_for_the_confirmation_and_for_its_time(backend: Backend, clock: FrozenClock) -> None:
    await begin_pushing(backend, clock)
    clock.advance(timedelta(seconds=60))
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.PUSHING
    await backend.outbox.delete([await place_of(backend.outbox, EVENT.event_id)])
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.PUSH
    assert await pullers(backend) == []
    assert await backend.store.drifts() == []


async def test_a_confirmation_before_the_time_does_not_end_both(backend: Backend, clock: FrozenClock) -> None:
    await begin_pushing(backend, clock)
    await backend.outbox.delete([await place_of(backend.outbox, EVENT.event_id)])
    clock.advance(timedelta(seconds=59))
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.PUSHING
    assert await pullers(backend) == list(FOLLOWERS)


async def test_a_dead_letter_keeps_the_author_in_both(backend: Backend, clock: FrozenClock) -> None:
    await begin_pushing(backend, clock)
    await bury(backend.outbox, EVENT.event_id)
    clock.advance(timedelta(hours=1))
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.PUSHING
    assert await backend.outbox.revive([EVENT.event_id])
    await backend.outbox.delete([await place_of(backend.outbox, EVENT.event_id)])
    await until_rest(job(backend, clock))
    assert await stage_of(backend) is Stage.PUSH


async def test_an_author_that_turns_around_while_cleaned_is_indexed_whole(backend: Backend, clock: FrozenClock) -> None:
    await indexed(backend.store, EVE)
    await at_stage(backend.store, EVE, Stage.CLEANING)
    await job(backend, clock).run_once()
    assert len(await pullers(backend)) == 7
    await at_stage(backend.store, EVE, Stage.INDEXING)
    await until_rest(job(backend, clock))
    assert await pullers(backend) == list(FOLLOWERS)


async def test_one_author_that_waits_does_not_hold_up_the_others(backend: Backend, clock: FrozenClock) -> None:
    await at_stage(backend.store, ANN, Stage.PUSHING, now_us=clock.now_us())
    for author_id in (BOB, CYD, DAN, EVE):
        await at_stage(backend.store, author_id, Stage.INDEXING)
    await until_rest(job(backend, clock))
    assert [await stage_of(backend, author_id) for author_id in (ANN, BOB, CYD, DAN, EVE)] == [
        Stage.PUSHING,
        *[Stage.INDEXED] * 4,
    ]


async def test_more_authors_than_are_read_at_once_are_all_moved(backend: Backend, clock: FrozenClock) -> None:
    for author_id in range(2_000, 2_000 + AUTHORS_AT_ONCE + 1):
        await at_stage(backend.store, author_id, Stage.INDEXING)
    await until_rest(job(backend, clock))
    unsettled = await backend.store.unsettled(above_author_id=0, limit=1_000)
    assert len(unsettled) == AUTHORS_AT_ONCE + 1
    assert {standing.stage for standing in unsettled} == {Stage.INDEXED}


async def test_a_settled_author_is_left_alone(backend: Backend, clock: FrozenClock) -> None:
    await indexed(backend.store, EVE)
    pulled = await at_stage(backend.store, EVE, Stage.PULL)
    clock.advance(timedelta(hours=1))
    assert await job(backend, clock).run_once() is False
    assert await backend.store.standing(EVE) == pulled


class AwayAtFirst:
    """A store that cannot be reached the first time it is asked."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self.was_away = False

    def __getattr__(self, name: str) -> object:
        if not self.was_away:
            self.was_away = True
            raise Unavailable.backend("the store")
        return getattr(self._store, name)


async def test_the_loop_goes_on_after_the_store_was_away(backend: Backend, clock: FrozenClock) -> None:
    await at_stage(backend.store, EVE, Stage.INDEXING)
    away = AwayAtFirst(backend.store)
    flips = FlipJob(
        away,  # type: ignore[arg-type]  # it hands every call on
        backend.outbox,
        clock=clock,
        bounds=BOUNDS,
        rest=timedelta(milliseconds=10),
    )
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(flips.run())

        async def is_indexed() -> bool:
            return await stage_of(backend) is Stage.INDEXED

        await wait_until(is_indexed, at_most=5)
        loop.cancel()
    assert away.was_away

"""One build for all readers of a timeline, whoever of them goes away, and never too many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from tests.services.timeline_svc.world import World
from tests.support.wait_until import wait_until
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.home.errands import Errands, open_errands
from timeline_svc.home.rebuild import AT_ONCE, WAITING, Rebuilder
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import Audience, AuthorClass, Followee, FollowerPage, Status, Stretch, TimelineLimits
from timeline_svc.store.memory import MemoryTimelineStore

ANN, BOB, STAR = 1, 2, 9


class Sources(Graph, AuthorTweets):
    """The graph and the tweets of a World, which can be held up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.open = asyncio.Event()
        self.open.set()
        self.is_away = False
        self.asked = 0

    async def audience(self, author_id: int) -> Audience:
        raise AssertionError("a build asks for all followees at once")

    async def followers(self, author_id: int, *, after_edge_id: int) -> FollowerPage:
        raise AssertionError("a build needs no followers")

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        raise AssertionError("a build asks for all followees at once")

    async def followees(self, user_id: int) -> list[Followee]:
        self.asked += 1
        await self.open.wait()
        if self.is_away:
            raise Unavailable.backend("graph")
        return [Followee(other, self.world.class_of(other)) for other in self.world.followees(user_id)]

    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        return {author: self.world.tweet_ids([author], below=below)[:limit] for author in author_ids}


class ForgetfulStore(MemoryTimelineStore):
    """It goes away before a build can be finished."""

    async def finish_build(self, owner_id: int, generation: str, tweet_ids: Sequence[int], *, floor: int) -> bool:
        raise Unavailable.backend("Redis")


@pytest.fixture
async def errands() -> AsyncIterator[Errands]:
    async with open_errands() as errands:
        yield errands


@pytest.fixture
def world() -> World:
    world = World(first_id=1_900_000_000_000_000_000)
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, BOB, STAR)
    for author in (ANN, BOB, STAR) * 4:
        world.post(author)
    return world


@pytest.fixture
def sources(world: World) -> Sources:
    return Sources(world)


@pytest.fixture
def store() -> MemoryTimelineStore:
    return MemoryTimelineStore(limits=TimelineLimits(), clock=FrozenClock())


@pytest.fixture
def rebuilder(store: MemoryTimelineStore, sources: Sources, errands: Errands) -> Rebuilder:
    return Rebuilder(store, sources, sources, errands, TimelineMetrics(), 800)


async def test_a_build_holds_own_and_pushed_authors_and_leaves_pulled_ones_to_the_reader(
    rebuilder: Rebuilder, store: MemoryTimelineStore, world: World
) -> None:
    expected = world.tweet_ids([ANN, BOB])
    assert await rebuilder.build(ANN) == Stretch(expected, 0)
    page = await store.page(ANN, below=0, limit=100)
    assert page is not None
    assert page.ids == expected


async def test_readers_share_a_build_and_it_outlives_the_one_that_began_it(
    rebuilder: Rebuilder, store: MemoryTimelineStore, sources: Sources
) -> None:
    sources.open.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(rebuilder.build(ANN))
        second = group.create_task(rebuilder.build(ANN))
        await wait_until(lambda: sources.asked)
        first.cancel()
        sources.open.set()
    assert first.cancelled()
    assert second.result() is not None
    assert sources.asked == 1
    assert (await store.state(ANN)).status is Status.READY


async def test_a_build_that_somebody_else_began_is_left_to_them(
    rebuilder: Rebuilder, store: MemoryTimelineStore, sources: Sources
) -> None:
    assert await store.begin_build(ANN)
    assert await rebuilder.build(ANN) is None
    assert sources.asked == 0


async def test_sources_that_are_away_are_said_to_every_reader_and_the_next_may_try_again(
    rebuilder: Rebuilder, sources: Sources, store: MemoryTimelineStore
) -> None:
    sources.is_away = True
    results = await asyncio.gather(rebuilder.build(ANN), rebuilder.build(ANN), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    sources.is_away = False
    store.forget_all()
    assert await rebuilder.build(ANN) is not None


async def test_readers_are_answered_from_the_merge_when_it_cannot_be_kept(
    sources: Sources, errands: Errands, world: World
) -> None:
    store = ForgetfulStore(limits=TimelineLimits(), clock=FrozenClock())
    rebuilder = Rebuilder(store, sources, sources, errands, TimelineMetrics(), 800)
    assert await rebuilder.build(ANN) == Stretch(world.tweet_ids([ANN, BOB]), 0)


async def test_a_storm_is_held_to_so_many_builds_at_once_and_so_many_in_line(
    rebuilder: Rebuilder, sources: Sources
) -> None:
    sources.open.clear()
    async with asyncio.TaskGroup() as group:
        builds = [group.create_task(rebuilder.build(owner)) for owner in range(100, 100 + AT_ONCE + WAITING)]
        await wait_until(lambda: sources.asked >= AT_ONCE)
        assert sources.asked == AT_ONCE
        assert await rebuilder.build(ANN) is None
        sources.open.set()
    assert all(build.result() is not None for build in builds)
    assert await rebuilder.build(ANN) is not None

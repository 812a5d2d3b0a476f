"""ExplainTimeline says of every tweet what the pages then do, after any history: also where timelines are damaged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from mesh.clock import FrozenClock
from tests.services.timeline_svc.world import World
from tests.unit.timeline_svc.asked_world import AskedGraph, AskedTweets, NoCards, NoLikes
from timeline_svc.home.author_lists import AuthorLists
from timeline_svc.home.contexts import Standings
from timeline_svc.home.errands import open_errands
from timeline_svc.home.explain import Explainer
from timeline_svc.home.facts import Fact, FactKind
from timeline_svc.home.page import HomeReader
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.home.skeleton import Skeletons
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import AuthorClass, TimelineLimits
from timeline_svc.store.memory import MemoryFanoutRecords, MemoryTimelineStore
from views.metrics import ViewMetrics
from views.tweets import TweetReader

USERS = range(1, 7)
LIMITS = TimelineLimits(capacity=10, slack=3)
HISTORIES = 60
STEPS = 45


class History:
    """One World, its stored timelines, and what happens to both: not always what should."""

    def __init__(self, chance: Random, explainer: Explainer, home: HomeReader, world: World) -> None:
        self.explainer = explainer
        self.home = home
        self.world = world
        self._chance = chance
        self._homes = explainer.homes
        self._lists = explainer.author_lists

    async def step(self) -> None:
        chance, world = self._chance, self.world
        one, other = chance.sample(USERS, 2)
        match chance.randrange(12):
            case 0 | 1 | 2:
                await self._post(one)
            case 3 | 4:
                world.follow(one, other)
            case 5:
                world.unfollow(one, other)
            case 6:
                world.classes[one] = chance.choice(list(AuthorClass))
            case 7:
                await self._walk(one)
            case 8:
                await self._homes.drop(one)
            case 9:
                tweet_id = self._some_id()
                await self._homes.remove([tweet_id], one)
                await self._lists.remove([tweet_id], world.authors.get(tweet_id, one))
            case 10:
                await self._homes.push(self._some_id(), [one])
            case _:
                if chance.random() < 0.3:
                    await self._homes.begin_build(one)
                else:
                    world.deleted.add(self._some_id())

    async def compare(self) -> list[Fact]:
        """For every owner and every id there ever was. Returns all facts told."""
        told: list[Fact] = []
        ids = [*self.world.authors, *self.world.deleted, self.world.new_id()]
        for owner_id in USERS:
            explained = {tweet_id: await self.explainer.explain(owner_id, tweet_id) for tweet_id in ids}
            walked = await self._walk(owner_id)
            for tweet_id, facts in explained.items():
                is_shown = not any(fact.excludes for fact in facts)
                assert is_shown == (tweet_id in walked), (owner_id, tweet_id, facts)
                told += facts
        return told

    async def _post(self, author_id: int) -> None:
        tweet_id = self.world.post(author_id)
        await self._lists.push(tweet_id, [author_id])
        followers, _ = self.world.followers(author_id, 0, 1_000)
        pushed = followers if self.world.class_of(author_id) is not AuthorClass.PULL else []
        await self._homes.push(tweet_id, [author_id, *(owner for owner in pushed if self._chance.random() < 0.9)])

    def _some_id(self) -> int:
        return self._chance.choice([*self.world.authors, self.world.new_id()])

    async def _walk(self, owner_id: int) -> list[int]:
        walked: list[int] = []
        below = 0
        size = self._chance.randint(1, 8)
        while True:
            page = await self.home.read(owner_id, below=below, since=0, size=size)
            walked += [tweet.tweet_id for tweet in page.seen.tweets]
            below = page.position
            if not below:
                break
        for _ in range(10):  # what pages leave behind for later is done before the next step
            await asyncio.sleep(0)
        return walked


@asynccontextmanager
async def a_history(seed: int) -> AsyncIterator[History]:
    clock = FrozenClock()
    world = World(first_id=1_900_000_000_000_000_000)
    homes, lists = (MemoryTimelineStore(limits=LIMITS, clock=clock) for _ in range(2))
    graph, tweets = AskedGraph(world), AskedTweets(world)
    async with open_errands() as errands:
        rebuilder = Rebuilder(homes, graph, tweets, errands, TimelineMetrics(), LIMITS.capacity)
        explainer = Explainer(homes, lists, MemoryFanoutRecords(), rebuilder, graph, graph, tweets, tweets)
        home = HomeReader(
            Skeletons(homes, rebuilder, graph, tweets),
            AuthorLists(lists, tweets, errands),
            Standings(graph, clock=clock),
            TweetReader(tweets, NoCards(), NoLikes()),
            homes,
            errands,
            ViewMetrics(),
        )
        yield History(Random(seed), explainer, home, world)


@pytest.mark.parametrize("first_seed", range(0, HISTORIES, 10))
async def test_what_is_explained_is_what_pages_show(first_seed: int) -> None:
    told: list[Fact] = []
    for seed in range(first_seed, first_seed + 10):
        async with a_history(seed) as history:
            for _ in range(3):
                for _ in range(STEPS):
                    await history.step()
                told += await history.compare()
    assert {fact.kind for fact in told if fact.excludes} == {FactKind.TWEET, FactKind.FOLLOW, FactKind.ENTRY}
    for place in ("in the timeline", "in the author's list", "among the author's tweets"):
        ends = {fact.excludes for fact in told if fact.kind is FactKind.ENTRY and fact.text.endswith(place)}
        assert ends == {True, False}

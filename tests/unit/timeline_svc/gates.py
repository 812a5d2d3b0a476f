"""Lets a test decide, at random but repeatably, which of many coroutines goes on: every call to a store or service
waits at a gate before and after its effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from random import Random
from typing import TypeVar

from tests.services.timeline_svc.world import World
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.model import Audience, Followee, FollowerPage, Stretch, TimelineState
from timeline_svc.store import TimelineStore

T = TypeVar("T")


class Gates:
    """Where coroutines wait. `open_one` lets one through; some are stuck for long while others overtake them."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._waiting: list[asyncio.Future[None]] = []
        self._stuck: list[asyncio.Future[None]] = []

    async def around(self, effect: Callable[[], Awaitable[T]]) -> T:
        """The effect happens at one moment, and its answer arrives at a later one."""
        await self._wait()
        answer = await effect()
        await self._wait()
        return answer

    async def open_one(self) -> None:
        """Let one go on as far as its next gate."""
        self._waiting = [gate for gate in self._waiting if not gate.done()]
        self._stuck = [gate for gate in self._stuck if not gate.done()]
        overtakes = self._waiting and self._chance.random() < 0.98
        gates = self._waiting if overtakes else self._stuck or self._waiting
        if gates:
            gates.pop(self._chance.randrange(len(gates))).set_result(None)
        await settle()

    async def _wait(self) -> None:
        gate = asyncio.get_running_loop().create_future()
        (self._stuck if self._chance.random() < 0.1 else self._waiting).append(gate)
        await gate


async def settle() -> None:
    """Let every coroutine run until it waits for something."""
    for _ in range(12):
        await asyncio.sleep(0)


class GatedStore(TimelineStore):
    """A store behind gates."""

    def __init__(self, store: TimelineStore, gates: Gates) -> None:
        self._store = store
        self._gates = gates

    async def state(self, owner_id: int) -> TimelineState:
        return await self._gates.around(lambda: self._store.state(owner_id))

    async def page(self, owner_id: int, *, below: int, limit: int) -> Stretch | None:
        return await self._gates.around(lambda: self._store.page(owner_id, below=below, limit=limit))

    async def pages(self, owner_ids: Collection[int], *, below: int, limit: int) -> dict[int, Stretch]:
        return await self._gates.around(lambda: self._store.pages(owner_ids, below=below, limit=limit))

    async def contents(self, owner_id: int) -> Stretch | None:
        return await self._gates.around(lambda: self._store.contents(owner_id))

    async def some_owner(self) -> int | None:
        return await self._gates.around(self._store.some_owner)

    async def push(self, tweet_id: int, owner_ids: Collection[int]) -> int:
        return await self._gates.around(lambda: self._store.push(tweet_id, owner_ids))

    async def merge(
        self, tweet_ids: Collection[int], owner_ids: Collection[int], *, complete_from: int
    ) -> frozenset[int]:
        return await self._gates.around(lambda: self._store.merge(tweet_ids, owner_ids, complete_from=complete_from))

    async def unmerge(self, tweet_ids: Collection[int], owner_id: int) -> bool:
        return await self._gates.around(lambda: self._store.unmerge(tweet_ids, owner_id))

    async def remove(self, tweet_ids: Collection[int], owner_id: int) -> None:
        await self._gates.around(lambda: self._store.remove(tweet_ids, owner_id))

    async def drop(self, owner_id: int) -> None:
        await self._gates.around(lambda: self._store.drop(owner_id))

    async def begin_build(self, owner_id: int) -> str | None:
        return await self._gates.around(lambda: self._store.begin_build(owner_id))

    async def finish_build(self, owner_id: int, generation: str, tweet_ids: Sequence[int], *, floor: int) -> bool:
        return await self._gates.around(lambda: self._store.finish_build(owner_id, generation, tweet_ids, floor=floor))


class GatedGraph(Graph):
    """graph_svc behind gates. Pages of followers are short, so that fan-outs have several links."""

    def __init__(self, world: World, gates: Gates, *, followers_per_page: int) -> None:
        self._world = world
        self._gates = gates
        self._followers_per_page = followers_per_page

    async def audience(self, author_id: int) -> Audience:
        async def effect() -> Audience:
            return self._world.audience(author_id)

        return await self._gates.around(effect)

    async def followers(self, author_id: int, *, after_edge_id: int) -> FollowerPage:
        async def effect() -> FollowerPage:
            ids, after = self._world.followers(author_id, after_edge_id, self._followers_per_page)
            return FollowerPage(tuple(ids), after)

        return await self._gates.around(effect)

    async def followees(self, user_id: int) -> list[Followee]:
        async def effect() -> list[Followee]:
            return [Followee(other, self._world.class_of(other)) for other in self._world.followees(user_id)]

        return await self._gates.around(effect)

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        async def effect() -> bool:
            return self._world.follows(follower_id, followee_id)

        return await self._gates.around(effect)


class GatedTweets(AuthorTweets):
    """tweet_svc behind gates."""

    def __init__(self, world: World, gates: Gates) -> None:
        self._world = world
        self._gates = gates

    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        async def effect() -> dict[int, list[int]]:
            found = {
                author_id: self._world.tweet_ids([author_id], below=below, above=above)[:limit]
                for author_id in author_ids
            }
            return {author_id: ids for author_id, ids in found.items() if ids}

        return await self._gates.around(effect)

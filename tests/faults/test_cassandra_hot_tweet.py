"""Two thousand people like one tweet through four processes of engagement_svc on a real Cassandra, some of whose calls
are repeated, come in another order, or die in the middle: the counts are exact in the end.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from engagement_svc.store import EngagementStore
from mesh.errors import Unavailable
from tests.conformance.engagement_store.backends import Backend, open_cassandra
from tests.conformance.engagement_store.cases import TWEET, engagement
from tests.faults.posting import CLOCK, in_flight

LIKERS = range(10_001, 12_001)
REPLIES = range(20_001, 20_201)
AUTHOR = 7
AT_ONCE = 64
# When a worker is killed after it began.
LONGEST_LIFE_SECONDS = 0.1
KILLED_SHARE = 0.3
PAGE = 1_000
Do = Callable[[EngagementStore, int], Coroutine[Any, Any, object]]


class Likers:
    """Everybody, with the figures of what they did."""

    def __init__(self, backend: Backend) -> None:
        self.calls = self.killed = self.unknown = 0
        self._stores = backend.stores
        self._edge_ids = itertools.count(1)

    async def act(self, user_id: int) -> None:
        """Like, and then think better of it, or not; the end is that of `is_liked_by`."""
        random = Random(user_id)
        await self._often(user_id, self._like, random)
        if user_id % 4 == 0:
            await self._often(user_id, self._unlike, random)
        if user_id % 8 == 0:
            await self._often(user_id, self._like, random)

    async def _often(self, user_id: int, do: Do, random: Random) -> None:
        """Up to three of the same at once, in different processes, of which one may be killed; then once more."""
        stores = random.sample(self._stores, random.randint(1, 3))
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(self._once(do, store, user_id)) for store in stores]
            if random.random() < KILLED_SHARE:
                await asyncio.sleep(random.uniform(0, LONGEST_LIFE_SECONDS))
                self.killed += calls[0].cancel()
        while not await self._once(do, random.choice(self._stores), user_id):
            continue

    async def _once(self, do: Do, store: EngagementStore, user_id: int) -> bool:
        self.calls += 1
        try:
            await do(store, user_id)
        except Unavailable:
            self.unknown += 1
            return False
        return True

    async def _like(self, store: EngagementStore, user_id: int) -> None:
        await store.like(user_id, TWEET, new_edge_id=next(self._edge_ids), now_us=CLOCK.now_us())

    async def _unlike(self, store: EngagementStore, user_id: int) -> None:
        await store.unlike(user_id, TWEET, now_us=CLOCK.now_us())

    async def tell_of(self, reply_id: int) -> None:
        """Events of a reply, repeated and in any order; every second one was deleted."""
        random = Random(reply_id)
        events = ["added", "added", *(["removed", "removed"] if reply_id % 2 else [])]
        random.shuffle(events)
        for event in events:

            async def tell(store: EngagementStore, reply_id: int, *, event: str = event) -> None:
                told = store.add_tweet if event == "added" else store.remove_tweet
                await told(reply_id, author_id=AUTHOR, parent_id=TWEET)

            while not await self._once(tell, random.choice(self._stores), reply_id):
                continue


def is_liked_by(user_id: int) -> bool:
    """What each has done last."""
    return user_id % 4 != 0 or user_id % 8 == 0


async def listed(store: EngagementStore) -> list[int]:
    found: list[int] = []
    below = 0
    while page := await store.likes(TWEET, below_edge_id=below, limit=PAGE):
        found += [edge.user_id for edge in page]
        below = page[-1].edge_id
    return found


async def test_the_counts_are_exact(tmp_path: Path, tell: Callable[[str], None]) -> None:
    async with open_cassandra(tmp_path) as backend:
        likers, began = Likers(backend), CLOCK.monotonic()
        numbers = [*LIKERS, *REPLIES]
        Random(1).shuffle(numbers)
        await in_flight(
            numbers, lambda number: likers.act(number) if number in LIKERS else likers.tell_of(number), at_once=AT_ONCE
        )
        took = CLOCK.monotonic() - began
        expected = {user_id for user_id in LIKERS if is_liked_by(user_id)}
        replies = sum(reply_id % 2 == 0 for reply_id in REPLIES)
        seen = [await engagement(store, TWEET) for store in backend.stores]
        tell(
            f"a hot tweet on Cassandra: {len(LIKERS)} likers and {len(REPLIES)} replies in 4 processes, {likers.calls}"
            f" calls in {took:.0f} s, {likers.killed} killed in the middle, {likers.unknown} unknown; counted"
            f" {seen[0].likes_count} of {len(expected)} likes, {seen[0].replies_count} of {replies} replies"
        )
        assert {(one.likes_count, one.replies_count) for one in seen} == {(len(expected), replies)}
        assert sorted(await listed(backend.second)) == sorted(expected)
        wrong: list[int] = []

        async def look(user_id: int) -> None:
            if (await engagement(backend.store, TWEET, viewer_id=user_id)).is_liked != is_liked_by(user_id):
                wrong.append(user_id)

        await in_flight(LIKERS[::5], look, at_once=AT_ONCE)
        assert not wrong
        assert await backend.store.drifts() == []
    assert likers.killed >= len(LIKERS) // 10

"""What is asked of the stores of one engine."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bench.opened_stores import Stores
from graph_svc.model import FollowEdge
from mesh.events.interface import OutboxEvent
from mesh.ids import first_id_at
from tweet_svc.model import RequestKey, Tweet

FOLLOWERS = 1_000
BODIES = 20
TWEETS = 500
# As large as the event of a post is.
PAYLOAD = bytes(240)
HASH = bytes(32)


class Ids:
    """Ids like those of a service, one after another."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        """Above all before."""
        self._last = max(self._last + 1, first_id_at(time.time_ns() // 1000))
        return self._last


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of call; `in_flight` when the engine is loaded, `calls` in a round of it."""

    name: str
    call: Callable[[], Awaitable[object]]
    in_flight: int = 64
    calls: int = 640


class Asked:
    """The calls that are measured, on some tweets and the followers of one account."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._chance = random.Random(7)
        self._ids = Ids()
        self._star = self._ids.next()
        self._tweets = [self._ids.next() for _ in range(TWEETS)]

    async def fill(self) -> None:
        """Put the data in."""
        await _in_turn([partial(self._insert, tweet_id) for tweet_id in self._tweets])
        await _in_turn([partial(self._follow, self._star) for _ in range(FOLLOWERS)])

    def operations(self) -> list[Operation]:
        """Each kind."""
        return [
            Operation("CreateTweet without a key", self._create),
            Operation("CreateTweet with a key", self._create_with_key),
            Operation("claim", self._claim),
            Operation("follow", self._follow_somebody),
            Operation("like", self._like),
            Operation("bodies of 20 tweets", self._bodies, in_flight=8, calls=240),
            Operation("followers, a page of 1,000", self._followers, in_flight=4, calls=80),
        ]

    async def _insert(self, tweet_id: int) -> None:
        tweet = Tweet(tweet_id, self._chance.getrandbits(40), "Reading about queues again. #coffee", 0, tweet_id)
        announce = self._event("ev.tweet.created.00")
        await self._stores.tweets.insert(tweet, announce=announce, at_us=_now_us())

    async def _claim(self) -> None:
        key = RequestKey(self._chance.getrandbits(40), "CreateTweet", f"key-{self._ids.next()}")
        candidate_id = self._ids.next()
        await self._stores.tweets.claim(key, request_hash=HASH, candidate_id=candidate_id, at_us=_now_us())

    async def _create(self) -> None:
        await self._insert(self._ids.next())

    async def _create_with_key(self) -> None:
        await self._claim()
        await self._create()

    async def _follow(self, followee_id: int) -> None:
        def announce(_edge: FollowEdge) -> OutboxEvent:
            return self._event("ev.graph.follow_changed.00")

        follower_id, edge_id, now_us = self._ids.next(), self._ids.next(), _now_us()
        await self._stores.graph.follow(follower_id, followee_id, new_edge_id=edge_id, now_us=now_us, announce=announce)

    async def _follow_somebody(self) -> None:
        await self._follow(self._chance.getrandbits(40))

    async def _like(self) -> None:
        user_id, edge_id, tweet_id = self._ids.next(), self._ids.next(), self._chance.choice(self._tweets)
        await self._stores.engagements.like(user_id, tweet_id, new_edge_id=edge_id, now_us=_now_us())

    async def _bodies(self) -> None:
        found = await self._stores.tweets.get_many(self._chance.sample(self._tweets, BODIES))
        if len(found) != BODIES:
            raise RuntimeError("tweets are missing")

    async def _followers(self) -> None:
        page = await self._stores.graph.follower_ids(self._star, below_edge_id=0, limit=FOLLOWERS)
        if len(page.user_ids) != FOLLOWERS:
            raise RuntimeError("followers are missing")

    def _event(self, subject: str) -> OutboxEvent:
        return OutboxEvent(self._ids.next(), subject, PAYLOAD)


async def _in_turn(calls: list[Callable[[], Awaitable[None]]]) -> None:
    """All of them, some at a time."""

    async def some() -> None:
        while calls:
            await calls.pop()()

    await asyncio.gather(*(some() for _ in range(16)))


def _now_us() -> int:
    return time.time_ns() // 1000

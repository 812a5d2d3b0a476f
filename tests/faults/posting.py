"""People who post through the store of tweet_svc while its cluster is in trouble, and what became of every post."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files

from mesh.caller import ANONYMOUS, CURRENT_CALL, Call
from mesh.clock import SystemClock
from mesh.errors import DeadlineExceeded, Unavailable
from mesh.events.interface import Outbox, Place
from mesh.ids import IdSource, lease_ids
from mesh.storage.cassandra import Cassandra, open_cassandra
from mesh.storage.cassandra_id_leases import CassandraIdLeases
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.url import CassandraUrl, parse_store_url
from tests.support.cassandra_nodes import RunningCassandra
from tests.support.wait_until import wait_until
from tweet_svc.events import tweet_created
from tweet_svc.model import RequestKey, Tweet
from tweet_svc.store import TweetStore
from tweet_svc.store.cassandra import CassandraTweetStore

AUTHORS = range(1, 11)
# An outcome that nobody knows; any other failure ends the test.
UNKNOWN = (Unavailable, DeadlineExceeded)
CLOCK = SystemClock()
# What a caller gives a call, and how long people wait between two.
CALL_SECONDS = 2.0
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """What became of one call; times are monotonic seconds."""

    began: float
    ended: float
    is_known: bool

    @property
    def took(self) -> float:
        """Seconds."""
        return self.ended - self.began


@dataclass(frozen=True)
class Posts:
    """Posts by number, each with a text and a key of its own; `acknowledged` has the tweet ids that were answered."""

    store: TweetStore
    outbox: Outbox
    ids: IdSource
    acknowledged: dict[int, int] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)

    async def attempt(self, number: int, *, seconds: float | None = None) -> bool:
        """Post once, as the handler does, in a call that may take so many seconds; whether it was acknowledged.

        One that was acknowledged before must be answered with the same id.
        """
        began = CLOCK.monotonic()
        call = Call(ANONYMOUS, f"post-{number}", began + seconds) if seconds is not None else None
        token = CURRENT_CALL.set(call)
        try:
            tweet_id = await self._post(number)
        except UNKNOWN:
            if number not in self.acknowledged:
                self.unknown.add(number)
            return False
        else:
            assert self.acknowledged.setdefault(number, tweet_id) == tweet_id, f"post {number} has two ids"
            self.unknown.discard(number)
            return True
        finally:
            CURRENT_CALL.reset(token)
            self.outcomes.append(Outcome(began, CLOCK.monotonic(), number in self.acknowledged))

    async def _post(self, number: int) -> int:
        author, text, at_us = author_of(number), text_of(number), CLOCK.now_us()
        claim = await self.store.claim(
            RequestKey(author, "CreateTweet", f"key-{number}"),
            request_hash=hashlib.sha256(text.encode()).digest(),
            candidate_id=self.ids.next_id(),
            at_us=at_us,
        )
        stored = (await self.store.get_many([claim.tweet_id])).get(claim.tweet_id) if claim.replayed else None
        tweet = stored or Tweet(claim.tweet_id, author, text, 0, claim.tweet_id)
        await self.store.insert(tweet, announce=tweet_created(tweet, at_us=at_us), at_us=at_us)
        return claim.tweet_id

    async def insist(self, number: int) -> None:
        """Repeat the post under its key until it is answered."""
        await wait_until(lambda: self.attempt(number), at_most=60)

    async def lost(self) -> set[int]:
        """Posts that were acknowledged and are not there, by id or in the list of their author, as they were posted."""
        found = await self.store.get_many(list(self.acknowledged.values()))
        listed = Counter(await self.listed())
        return {
            number
            for number, tweet_id in self.acknowledged.items()
            if tweet_id not in found or found[tweet_id].content != text_of(number) or tweet_id not in listed
        }

    async def twice(self) -> list[str]:
        """Texts that are there more than once, under whatever id."""
        found = await self.store.get_many(await self.listed())
        texts = Counter(tweet.content for tweet in found.values())
        return [text for text, count in texts.items() if count > 1]

    async def listed(self) -> list[int]:
        """The ids of all tweets in the lists of their authors."""
        lists = await self.store.list_author_ids(AUTHORS, below=0, above=0, limit=10_000)
        return [tweet_id for ids in lists.values() for tweet_id in ids]

    async def announced(self) -> Counter[int]:
        """The tweets that the outbox hands out, by how many rows each. What was cut off is completed for that."""
        reader, places, is_over = self.outbox.reader(), set[Place](), False
        while not is_over:
            rows = [*await reader.next(limit=1_000), *await reader.next(limit=1_000)]
            places |= {row.place for row in rows}
            is_over = not rows
        return Counter(place.event_id for place in places)


def author_of(number: int) -> int:
    """Whose post it is."""
    return AUTHORS[number % len(AUTHORS)]


def text_of(number: int) -> str:
    """What it says."""
    return f"post {number}"


async def in_flight(numbers: Iterable[int], do: Callable[[int], Awaitable[object]], *, at_once: int) -> None:
    """Do it with all these numbers, so many at a time."""
    waiting = iter(numbers)

    async def some() -> None:
        for number in waiting:
            await do(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())


@asynccontextmanager
async def load(posts: Posts, numbers: Iterator[int], *, at_once: int) -> AsyncIterator[None]:
    """So many people who post one after the other until the block ends, each call with a deadline."""
    is_over = False

    async def post_on() -> None:
        while not is_over:
            await posts.attempt(next(numbers), seconds=CALL_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(post_on())
        yield
        is_over = True


@asynccontextmanager
async def open_posts(server: RunningCassandra) -> AsyncIterator[Posts]:
    """The store as tweet_svc opens it, connected, with ids under a lease of its keyspace."""
    async with open_keyspace_of(server, "tweet") as cassandra, ids_of(cassandra) as ids:
        outbox = CassandraOutbox(cassandra)
        yield Posts(CassandraTweetStore(cassandra, outbox), outbox, ids)


@asynccontextmanager
async def ids_of(cassandra: Cassandra) -> AsyncIterator[IdSource]:
    """Ids of tweet_svc."""
    async with lease_ids(CassandraIdLeases(cassandra), service="tweet", clock=CLOCK) as ids:
        yield ids


@asynccontextmanager
async def open_keyspace_of(server: RunningCassandra, component: str) -> AsyncIterator[Cassandra]:
    """The keyspace of a service ("tweet") on nodes of one's own, connected, with its tables."""
    url = parse_store_url(server.cluster.store_url(component))
    assert isinstance(url, CassandraUrl)
    schema = files(f"{component}_svc.store") / "schema" / "cassandra"
    async with open_cassandra(url, component=component, schema=schema) as cassandra:
        await wait_until(answers(cassandra), at_most=60)
        yield cassandra


def answers(cassandra: Cassandra) -> Callable[[], object]:
    """Asks whether the cluster answers now."""

    async def ask() -> bool:
        try:
            await cassandra.ping()
        except UNKNOWN:
            return False
        return True

    return ask

"""What the suites of the tweet store share: the backends, and tweets to put into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from mesh.clock import FrozenClock, from_us
from mesh.events.interface import Outbox, OutboxEvent
from mesh.ids import first_id_at
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.memory import MemoryOutbox
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import SqliteDatabase, open_database
from tests.support.cassandra import _session, open_keyspace
from tweet_svc.model import RequestKey, Tweet
from tweet_svc.store import TweetStore
from tweet_svc.store.cassandra import CassandraTweetStore
from tweet_svc.store.memory import MemoryTweetStore
from tweet_svc.store.sqlite import SqliteTweetStore

ANN, BOB, CYD = 11, 12, 13
NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
ID = 2_000_000_000_000_000_000
HASH, OTHER_HASH = b"h" * 32, b"o" * 32
KEY = RequestKey(ANN, "CreateTweet", "key-1")


@dataclass(frozen=True)
class Opened:
    """A store, the outbox that its events go to, and the engine of both."""

    store: TweetStore
    outbox: Outbox
    engine: SqliteDatabase | Cassandra | MemoryOutbox

    async def announced(self) -> list[int]:
        """The ids of the events that wait, in their order."""
        return [row.event.event_id for row in await self.outbox.pending(after=0, limit=1000)]


Open = Callable[[Path], AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[Opened]:
    schema = files("tweet_svc.store") / "schema" / "sqlite"
    async with open_database(folder / "tweet_svc.db", component="tweet", schema=schema) as database:
        yield Opened(SqliteTweetStore(database), SqliteOutbox(database), database)


@asynccontextmanager
async def open_memory(folder: Path) -> AsyncIterator[Opened]:
    """Empty for a new folder; the same store for the same one, as a process that starts again finds its rows."""
    if folder not in _IN_MEMORY:
        outbox = MemoryOutbox()
        _IN_MEMORY[folder] = Opened(MemoryTweetStore(outbox), outbox, outbox)
    yield _IN_MEMORY[folder]


_IN_MEMORY: dict[Path, Opened] = {}


@asynccontextmanager
async def open_cassandra(folder: Path) -> AsyncIterator[Opened]:
    """Empty for a new folder; opened again, or twice, for the same one it has the same rows."""
    seen = folder / "tweet_svc.cassandra"
    if seen.exists():
        yield on_cassandra(Cassandra(Metrics(), _session("tweet")))
    else:
        async with open_keyspace("tweet") as cassandra:
            seen.touch()
            yield on_cassandra(cassandra)


def on_cassandra(cassandra: Cassandra) -> Opened:
    outbox = CassandraOutbox(cassandra, clock=FrozenClock(from_us(NOW_US)))
    return Opened(CassandraTweetStore(cassandra, outbox), outbox, cassandra)


# A new backend is one more line.
BACKENDS: dict[str, Open] = {
    "memory": open_memory,
    "sqlite": open_sqlite,
    "cassandra": open_cassandra,
}


def a_tweet(number: int, *, by: int = ANN, content: str = "hello", answers: int = 0) -> Tweet:
    """A tweet whose id is the number-th; `answers` is the number of its parent."""
    parent_id = ID + answers if answers else 0
    return Tweet(ID + number, by, content, parent_id, parent_id or ID + number)


def first_of(year: int, month: int) -> int:
    """The lowest id of a month."""
    return first_id_at(int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1_000_000)


def an_event(event_id: int) -> OutboxEvent:
    return OutboxEvent(event_id, "ev.tweet.created.00", b"event")


async def insert(store: TweetStore, *tweets: Tweet) -> None:
    for tweet in tweets:
        await store.insert(tweet, announce=an_event(tweet.tweet_id), at_us=NOW_US)


async def insert_many(store: TweetStore, *tweets: Tweet) -> None:
    """For tests that look at how much there is, and not at the order in which it came."""
    for start in range(0, len(tweets), 100):
        await asyncio.gather(*(insert(store, tweet) for tweet in tweets[start : start + 100]))


async def delete(store: TweetStore, tweet: Tweet) -> None:
    await store.delete(tweet, announce=an_event(tweet.tweet_id + 500_000), at_us=NOW_US)


async def newest(store: TweetStore, user_id: int = ANN, **changed: int) -> list[int]:
    """The numbers of an author's newest tweets."""
    asked = {"below": 0, "above": 0, "limit": 100, **changed}
    found = await store.list_author_ids([user_id], below=asked["below"], above=asked["above"], limit=asked["limit"])
    return [tweet_id - ID for tweet_id in found.get(user_id, [])]

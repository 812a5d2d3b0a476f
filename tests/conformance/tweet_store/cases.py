"""What the suites of the tweet store share: the backends, and tweets to put into them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mesh.events.interface import Outbox, OutboxEvent
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import open_database
from tweet_svc.model import RequestKey, Tweet
from tweet_svc.store import TweetStore
from tweet_svc.store.sqlite import SqliteTweetStore

ANN, BOB, CYD = 11, 12, 13
NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
ID = 2_000_000_000_000_000_000
HASH, OTHER_HASH = b"h" * 32, b"o" * 32
KEY = RequestKey(ANN, "CreateTweet", "key-1")


@dataclass(frozen=True)
class Opened:
    """A store, and the outbox that its events go to."""

    store: TweetStore
    outbox: Outbox

    async def announced(self) -> list[int]:
        return [row.event.event_id for row in await self.outbox.pending(after=0, limit=1000)]


Open = Callable[[Path], AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[Opened]:
    schema = files("tweet_svc.store") / "schema" / "sqlite"
    async with open_database(folder / "tweet_svc.db", component="tweet", schema=schema) as database:
        yield Opened(SqliteTweetStore(database), SqliteOutbox(database))


# A new backend is one more line.
BACKENDS: dict[str, Open] = {
    "sqlite": open_sqlite,
}


def a_tweet(number: int, *, by: int = ANN, content: str = "hello", answers: int = 0) -> Tweet:
    """A tweet whose id is the number-th; `answers` is the number of its parent."""
    parent_id = ID + answers if answers else 0
    return Tweet(ID + number, by, content, parent_id, parent_id or ID + number)


def an_event(event_id: int) -> OutboxEvent:
    return OutboxEvent(event_id, "ev.tweet.created.00", b"event")


async def insert(store: TweetStore, *tweets: Tweet) -> None:
    for tweet in tweets:
        await store.insert(tweet, announce=an_event(tweet.tweet_id), at_us=NOW_US)


async def delete(store: TweetStore, tweet: Tweet) -> None:
    await store.delete(tweet, announce=an_event(tweet.tweet_id + 500_000), at_us=NOW_US)


async def newest(store: TweetStore, user_id: int = ANN, **changed: int) -> list[int]:
    """The numbers of an author's newest tweets."""
    asked = {"below": 0, "above": 0, "limit": 100, **changed}
    found = await store.list_author_ids([user_id], below=asked["below"], above=asked["above"], limit=asked["limit"])
    return [tweet_id - ID for tweet_id in found.get(user_id, [])]

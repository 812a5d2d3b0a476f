"""Every backend of the outbox, and events to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aviary.events.v1 import events_pb2
from mesh.events.announce import new_event
from mesh.events.interface import Outbox, OutboxEvent
from mesh.storage.outbox import SqliteOutbox, append
from mesh.storage.sqlite import open_database


@dataclass(frozen=True)
class StoredOutbox:
    """An outbox, and the way in which the stores of its service write to it: all of the events, or none."""

    outbox: Outbox
    append: Callable[..., Awaitable[None]]


@asynccontextmanager
async def sqlite_outbox(folder: Path) -> AsyncIterator[StoredOutbox]:
    """The outbox of a service without tables of its own, in a file that stays in `folder`."""
    (folder / "schema").mkdir(exist_ok=True)
    async with open_database(folder / "a.db", component="a", schema=folder / "schema") as database:

        async def write(*events: OutboxEvent, at_us: int = 1_000_000) -> None:
            def work(connection: object) -> None:
                for event in events:
                    append(connection, event, at_us=at_us)  # type: ignore[arg-type]  # the store's own connection

            await database.write(work)

        yield StoredOutbox(SqliteOutbox(database), write)


def a_tweet_created(tweet_id: int, *, content: str = "") -> OutboxEvent:
    """Required groups: timeline and engagement."""
    payload = events_pb2.TweetCreated()
    payload.tweet.tweet_id = tweet_id
    payload.tweet.content = content
    return new_event("tweet_created", payload, event_id=tweet_id, at_us=1_000_000, key=tweet_id)


def a_user_changed(event_id: int) -> OutboxEvent:
    """Nobody must confirm it."""
    payload = events_pb2.UserChanged(user_id=event_id)
    return new_event("user_changed", payload, event_id=event_id, at_us=1_000_000, key=event_id)

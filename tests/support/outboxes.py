"""Every backend of the outbox, and events to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from apsw import Connection

from aviary.events.v1 import events_pb2
from mesh.clock import Clock, SystemClock
from mesh.events.announce import new_event
from mesh.events.interface import Outbox, OutboxEvent, Place
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.cassandra_outbox_rows import insert, place_at
from mesh.storage.memory import MemoryOutbox
from mesh.storage.outbox import SqliteOutbox, append
from mesh.storage.sqlite import SqliteDatabase, open_database
from tests.support.cassandra import open_keyspace


@dataclass(frozen=True)
class StoredOutbox:
    """An outbox, and the way in which the stores of its service write to it: all of the events, or none.

    Events of `append_findable` can be asked for by their id. Those of `append_late` come to be seen now, but were
    committed at `at_us`, if the backend knows such a thing. `again` opens the outbox as another process does, or the
    same one after a restart.
    """

    outbox: Outbox
    append: Append
    append_findable: Append
    append_late: Append
    again: Callable[[], StoredOutbox]


class Append(Protocol):
    """Writes events in one commit; at the present time of the outbox's clock, unless told when."""

    async def __call__(self, *events: OutboxEvent, at_us: int | None = None) -> None: ...


@asynccontextmanager
async def sqlite_outbox(folder: Path, clock: Clock | None = None) -> AsyncIterator[StoredOutbox]:
    """The outbox of a service without tables of its own, in a file that stays in `folder`."""
    (folder / "schema").mkdir(exist_ok=True)
    async with open_database(folder / "a.db", component="a", schema=folder / "schema") as database:
        yield _on_sqlite(database, clock or SystemClock())


def _on_sqlite(database: SqliteDatabase, clock: Clock) -> StoredOutbox:
    async def write(*events: OutboxEvent, at_us: int | None = None) -> None:
        def work(connection: Connection) -> None:
            for event in events:
                append(connection, event, at_us=clock.now_us() if at_us is None else at_us)

        await database.write(work)

    return StoredOutbox(SqliteOutbox(database), write, write, write, again=lambda: _on_sqlite(database, clock))


@asynccontextmanager
async def memory_outbox(_folder: Path, clock: Clock | None = None) -> AsyncIterator[StoredOutbox]:
    """The outbox of a simulated service."""
    yield _in_memory(MemoryOutbox(), clock or SystemClock())


def _in_memory(outbox: MemoryOutbox, clock: Clock) -> StoredOutbox:
    async def write(*events: OutboxEvent, at_us: int | None = None) -> None:
        for event in events:
            outbox.append(event, at_us=clock.now_us() if at_us is None else at_us)

    return StoredOutbox(outbox, write, write, write, again=lambda: _in_memory(outbox, clock))


@asynccontextmanager
async def cassandra_outbox(_folder: Path, clock: Clock | None = None) -> AsyncIterator[StoredOutbox]:
    """The outbox of tweet_svc, empty."""
    async with open_keyspace("tweet") as cassandra:
        yield on_cassandra(cassandra, clock or SystemClock())


def on_cassandra(
    cassandra: Cassandra, clock: Clock, outbox_class: type[CassandraOutbox] = CassandraOutbox
) -> StoredOutbox:
    """The outbox of a keyspace, as one process has it."""
    outbox = outbox_class(cassandra, clock=clock)

    async def write(*events: OutboxEvent, at_us: int | None = None) -> None:
        at_us = clock.now_us() if at_us is None else at_us
        for statement, values in [await outbox.append(event, at_us=at_us) for event in events]:
            await cassandra.run(statement, *values)
        outbox.committed()

    async def write_findable(*events: OutboxEvent, at_us: int | None = None) -> None:
        at_us = clock.now_us() if at_us is None else at_us
        for event in events:
            await outbox.commit_findable(announce=event, at_us=at_us)

    async def write_late(*events: OutboxEvent, at_us: int | None = None) -> None:
        at_us = clock.now_us() if at_us is None else at_us
        for event in events:
            statement, values = insert(place_at(at_us, event.event_id), event)
            await cassandra.run(statement, *values)

    return StoredOutbox(
        outbox, write, write_findable, write_late, again=lambda: on_cassandra(cassandra, clock, outbox_class)
    )


# How each is opened in a folder, with a clock.
BACKENDS: dict[str, Callable[[Path, Clock | None], AbstractAsyncContextManager[StoredOutbox]]] = {
    "memory": memory_outbox,
    "sqlite": sqlite_outbox,
    "cassandra": cassandra_outbox,
}


async def place_of(outbox: Outbox, event_id: int) -> Place:
    """Where the row of a waiting event is."""
    [place] = [row.place for row in await outbox.pending(after=0, limit=1_000) if row.event.event_id == event_id]
    return place


async def bury(outbox: Outbox, event_id: int, *, group: str = "timeline", reason: str = "no", at_us: int = 5) -> Place:
    """Make a waiting event a dead letter. Returns where it waited."""
    place = await place_of(outbox, event_id)
    await outbox.bury(place, group=group, reason=reason, at_us=at_us)
    return place


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

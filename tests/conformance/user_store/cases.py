"""What the suites of the user stores share: the backends, and accounts to put into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mesh.events.interface import OutboxEvent
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import SqliteDatabase, open_database
from tests.support.cassandra import _session, open_keyspace
from user_svc.model import Account, SignUpKey
from user_svc.store import SessionStore, UserStore
from user_svc.store.cassandra import CassandraUserStore
from user_svc.store.cassandra_sessions import CassandraSessionStore
from user_svc.store.sqlite import SqliteSessionStore, SqliteUserStore

NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
HASH, OTHER_HASH = b"h" * 32, b"o" * 32
KEY = SignUpKey("Ann", "key-1")


@dataclass(frozen=True)
class Opened:
    """The stores, their engine, and the ids of the events that wait in the outbox, in their order."""

    users: UserStore
    sessions: SessionStore
    engine: SqliteDatabase | Cassandra
    announced: Callable[[], Awaitable[list[int]]]


Open = Callable[[Path], AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[Opened]:
    schema = files("user_svc.store") / "schema" / "sqlite"
    async with open_database(folder / "user_svc.db", component="user", schema=schema) as database:
        yield on_sqlite(database)


def on_sqlite(database: SqliteDatabase) -> Opened:
    outbox = SqliteOutbox(database)

    async def announced() -> list[int]:
        return [row.event.event_id for row in await outbox.pending(after=0, limit=1000)]

    return Opened(SqliteUserStore(database), SqliteSessionStore(database), database, announced)


@asynccontextmanager
async def open_cassandra(folder: Path) -> AsyncIterator[Opened]:
    """Empty for a new folder; opened again, or twice, for the same one it has the same rows."""
    seen = folder / "user_svc.cassandra"
    if seen.exists():
        yield on_cassandra(Cassandra(Metrics(), _session("user")))
    else:
        async with open_keyspace("user") as cassandra:
            seen.touch()
            yield on_cassandra(cassandra)


def on_cassandra(cassandra: Cassandra, store_class: type[CassandraUserStore] = CassandraUserStore) -> Opened:
    async def announced() -> list[int]:
        return [event_id for _, event_id in sorted(await cassandra.run(_EVENTS))]

    store = store_class(cassandra, CassandraOutbox(cassandra))
    return Opened(store, CassandraSessionStore(cassandra), cassandra, announced)


_EVENTS = Statement("test.events", "SELECT sequence, event_id FROM outbox")

# A new backend is one more line.
BACKENDS: dict[str, Open] = {
    "sqlite": open_sqlite,
    "cassandra": open_cassandra,
}


def an_account(number: int = 1, *, username: str = "", email: str = "") -> Account:
    name = username or f"User_{number}"
    return Account(
        user_id=number,
        username=name,
        email=email or f"{name}@Example.org",
        password_hash="$argon2id$",
        display_name=f"Üser {number}",
        bio="two\nlines",
        location="",
        created_us=NOW_US,
        updated_us=NOW_US,
    )


def an_event(event_id: int) -> OutboxEvent:
    return OutboxEvent(event_id, "ev.user.changed.00", b"event")


async def create(users: UserStore, *accounts: Account) -> None:
    for account in accounts:
        await users.create(account, announce=an_event(account.user_id), at_us=NOW_US)


async def create_many(users: UserStore, *accounts: Account) -> None:
    """For tests that look at how many there are, and not at the order in which they came."""
    for start in range(0, len(accounts), 100):
        await asyncio.gather(*(create(users, account) for account in accounts[start : start + 100]))

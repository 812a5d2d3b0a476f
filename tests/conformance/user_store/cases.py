"""What the suites of the user stores share: the backends, and accounts to put into them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mesh.events.interface import Outbox, OutboxEvent
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import open_database
from user_svc.model import Account, SignUpKey
from user_svc.store import SessionStore, UserStore
from user_svc.store.sqlite import SqliteSessionStore, SqliteUserStore

NOW_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
HASH, OTHER_HASH = b"h" * 32, b"o" * 32
KEY = SignUpKey("Ann", "key-1")


@dataclass(frozen=True)
class Opened:
    """The stores, and the outbox that their events go to."""

    users: UserStore
    sessions: SessionStore
    outbox: Outbox

    async def announced(self) -> list[int]:
        return [row.event.event_id for row in await self.outbox.pending(after=0, limit=1000)]


Open = Callable[[Path], AbstractAsyncContextManager[Opened]]


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[Opened]:
    schema = files("user_svc.store") / "schema" / "sqlite"
    async with open_database(folder / "user_svc.db", component="user", schema=schema) as database:
        yield Opened(SqliteUserStore(database), SqliteSessionStore(database), SqliteOutbox(database))


# A new backend is one more line.
BACKENDS: dict[str, Open] = {
    "sqlite": open_sqlite,
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

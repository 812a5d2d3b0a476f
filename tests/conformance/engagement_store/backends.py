"""The backends of the engagement store. A new one is one more line in BACKENDS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path

from engagement_svc.store import EngagementStore
from engagement_svc.store.cassandra import CassandraEngagementStore
from engagement_svc.store.cassandra_marks import SHARDS, SLOTS_OF_AN_HOUR, Marks, slot_at
from engagement_svc.store.cassandra_repair import Repair
from engagement_svc.store.cassandra_settling import Settling
from engagement_svc.store.sqlite import SqliteEngagementStore
from mesh.clock import Clock, FrozenClock
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra
from mesh.storage.sqlite import open_database
from tests.conformance.engagement_store.databases import DyingCassandra, DyingSqlite
from tests.support.cassandra import _session, open_keyspace

# Long enough for whatever a call has left to be due.
LATER = timedelta(seconds=30)


@dataclass(frozen=True)
class Backend:
    """Stores of four processes on one database, which was empty.

    `dying(n)` is that of a fifth, which does the n-th statement on its database, never hears of it, and does no more.
    `repair` is what a process does in the background, a while later; it returns when it is done.
    """

    stores: tuple[EngagementStore, ...]
    dying: Callable[[int], EngagementStore]
    repair: Callable[[], Awaitable[None]]

    @property
    def store(self) -> EngagementStore:
        return self.stores[0]

    @property
    def second(self) -> EngagementStore:
        return self.stores[1]


@asynccontextmanager
async def open_sqlite(
    folder: Path, store_class: type[SqliteEngagementStore] = SqliteEngagementStore
) -> AsyncIterator[Backend]:
    schema = files("engagement_svc.store") / "schema" / "sqlite"
    file = folder / "engagement_svc.db"

    async def repair() -> None:
        """Nothing is ever left."""

    async with AsyncExitStack() as stack:
        databases = [
            await stack.enter_async_context(open_database(file, component="engagement", schema=schema))
            for _ in range(5)
        ]
        *stores, _ = map(store_class, databases)
        yield Backend(tuple(stores), lambda after: store_class(DyingSqlite(databases[-1], after=after)), repair)


@asynccontextmanager
async def as_it_is(component: str) -> AsyncIterator[Cassandra]:
    """The keyspace of a service, with whatever is in it: to empty it takes as long as a hundred statements."""
    yield Cassandra(Metrics(), _session(component))


def cassandra_store(
    cassandra: Cassandra,
    clock: Clock,
    store_class: type[CassandraEngagementStore] = CassandraEngagementStore,
    settling_class: type[Settling] = Settling,
) -> CassandraEngagementStore:
    """A store with all that it works with."""
    marks = Marks(cassandra, clock)
    return store_class(cassandra, settling=settling_class(cassandra, marks), marks=marks)


@asynccontextmanager
async def open_cassandra(
    _folder: Path,
    store_class: type[CassandraEngagementStore] = CassandraEngagementStore,
    settling_class: type[Settling] = Settling,
    keyspace: Callable[[str], AbstractAsyncContextManager[Cassandra]] = open_keyspace,
) -> AsyncIterator[Backend]:
    clock = FrozenClock()
    opened = partial(cassandra_store, clock=clock, store_class=store_class, settling_class=settling_class)
    async with keyspace("engagement") as cassandra:

        async def repair() -> None:
            clock.advance(LATER)
            assert await repair_of(cassandra, clock).work_off() == 0

        processes = [Cassandra(Metrics(), cassandra._session) for _ in range(4)]
        yield Backend(
            tuple(map(opened, processes)),
            lambda after: opened(DyingCassandra(Metrics(), cassandra._session, after=after)),
            repair,
        )


def repair_of(cassandra: Cassandra, clock: Clock) -> Repair:
    """The background work of a process."""
    marks = Marks(cassandra, clock)
    return Repair(marks, Settling(cassandra, marks), clock)


async def marks_left(cassandra: Cassandra, clock: Clock) -> int:
    """Marks in the slots of this hour and the last."""
    marks = Marks(cassandra, clock)
    this_hour = slot_at(clock.now_us()) // SLOTS_OF_AN_HOUR
    slots = await marks.slots(range(this_hour - 1, this_hour + 1))
    return sum([len(await marks.page(slot, shard, after=-1)) for slot in slots for shard in range(SHARDS)])


Open = Callable[[Path], AbstractAsyncContextManager[Backend]]

BACKENDS: dict[str, Open] = {"sqlite": open_sqlite, "cassandra": open_cassandra}
# For tests that take ids of their own: not emptied.
SHARED_BACKENDS: dict[str, Open] = {
    "sqlite": open_sqlite,
    "cassandra": partial(open_cassandra, keyspace=as_it_is),
}


async def empty(open_backend: Open, folder: Path) -> None:
    """Leave nothing of what other tests wrote."""
    async with open_backend(folder):
        pass

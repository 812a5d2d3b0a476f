"""The backends of the graph store. A new one is one more line in BACKENDS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from graph_svc.store import GraphStore
from graph_svc.store.cassandra import CassandraGraphStore
from graph_svc.store.memory import MemoryGraphStore
from graph_svc.store.sqlite import SqliteGraphStore
from mesh.clock import SystemClock
from mesh.errors import Unavailable
from mesh.events.interface import Outbox
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra, Row, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.memory import MemoryOutbox
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import open_database
from tests.support.cassandra import _session, open_keyspace


@dataclass(frozen=True)
class Backend:
    """A store on an empty database, and a second process's store on the same database.

    The third one does what it is told and does not hear of it: its first write of an edge raises Unavailable.
    `announced` are the payloads in the outbox, in their order.
    """

    store: GraphStore
    second: GraphStore
    unheard: GraphStore
    outbox: Outbox
    announced: Callable[[], Awaitable[list[bytes]]]


class LosesAnAnswer:
    """Hands every call on, and answers the first write that it did not do it."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self._has_lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, *arguments: Any) -> Any:
        return self._unless_first(await self._database.write(*arguments))

    async def follow(self, *arguments: Any, **named: Any) -> Any:
        return self._unless_first(await self._database.follow(*arguments, **named))

    async def unfollow(self, *arguments: Any, **named: Any) -> Any:
        return self._unless_first(await self._database.unfollow(*arguments, **named))

    def _unless_first(self, answer: Any) -> Any:
        if not self._has_lost:
            self._has_lost = True
            raise Unavailable.backend("the store")
        return answer


@asynccontextmanager
async def open_memory(_folder: Path) -> AsyncIterator[Backend]:
    outbox = MemoryOutbox()
    store = MemoryGraphStore(outbox)

    async def announced() -> list[bytes]:
        return [row.event.payload for row in await outbox.pending(after=0, limit=100_000)]

    unheard: Any = LosesAnAnswer(store)
    yield Backend(store, store, unheard, outbox, announced)


@asynccontextmanager
async def open_sqlite(folder: Path, store_class: type[SqliteGraphStore] = SqliteGraphStore) -> AsyncIterator[Backend]:
    schema = files("graph_svc.store") / "schema" / "sqlite"
    async with (
        open_database(folder / "graph_svc.db", component="graph", schema=schema) as database,
        open_database(folder / "graph_svc.db", component="graph", schema=schema) as other,
    ):
        outbox = SqliteOutbox(database)

        async def announced() -> list[bytes]:
            return [row.event.payload for row in await outbox.pending(after=0, limit=100_000)]

        unheard: Any = LosesAnAnswer(database)
        yield Backend(store_class(database), store_class(other), store_class(unheard), outbox, announced)


@asynccontextmanager
async def open_cassandra(
    _folder: Path, store_class: type[CassandraGraphStore] = CassandraGraphStore
) -> AsyncIterator[Backend]:
    async with open_keyspace("graph") as cassandra:
        yield on_cassandra(cassandra, store_class)


def on_cassandra(cassandra: Cassandra, store_class: type[CassandraGraphStore] = CassandraGraphStore) -> Backend:
    async def announced() -> list[bytes]:
        rows: list[Row] = []
        state, is_over = b"", False
        while not is_over:
            page = await cassandra.page(_EVENTS, size=1_000, state=state)
            rows += page.rows
            state, is_over = page.next_state, not page.next_state
        return [payload for *_, payload in sorted(rows)]

    unheard: Any = LosesAnAnswer(cassandra)
    outbox: Any = CassandraOutbox(cassandra)
    stores = [
        store_class(engine, CassandraOutbox(engine), clock=SystemClock())
        for engine in (cassandra, Cassandra(Metrics(), _session("graph")), unheard)
    ]
    return Backend(stores[0], stores[1], stores[2], outbox, announced)


_EVENTS = Statement("test.events", "SELECT sequence, event_id, payload FROM outbox")

Open = Callable[[Path], AbstractAsyncContextManager[Backend]]

BACKENDS: dict[str, Open] = {"memory": open_memory, "sqlite": open_sqlite, "cassandra": open_cassandra}

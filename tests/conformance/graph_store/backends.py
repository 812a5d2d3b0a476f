"""The backends of the graph store. A new one is one more line in BACKENDS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from graph_svc.store import GraphStore
from graph_svc.store.sqlite import SqliteGraphStore
from mesh.events.interface import Outbox
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import open_database


@dataclass(frozen=True)
class Backend:
    """A store on an empty database, its outbox, and a second process's store on the same database."""

    store: GraphStore
    outbox: Outbox
    second: GraphStore


@asynccontextmanager
async def open_sqlite(folder: Path, store_class: type[SqliteGraphStore] = SqliteGraphStore) -> AsyncIterator[Backend]:
    schema = files("graph_svc.store") / "schema" / "sqlite"
    async with (
        open_database(folder / "graph_svc.db", component="graph", schema=schema) as database,
        open_database(folder / "graph_svc.db", component="graph", schema=schema) as other,
    ):
        yield Backend(store_class(database), SqliteOutbox(database), store_class(other))


Open = Callable[[Path], AbstractAsyncContextManager[Backend]]

BACKENDS: dict[str, Open] = {"sqlite": open_sqlite}

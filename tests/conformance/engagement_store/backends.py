"""The backends of the engagement store. A new one is one more line in BACKENDS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from engagement_svc.store import EngagementStore
from engagement_svc.store.sqlite import SqliteEngagementStore
from mesh.storage.sqlite import open_database


@dataclass(frozen=True)
class Backend:
    """A store on an empty database, and a second process's store on the same database."""

    store: EngagementStore
    second: EngagementStore


@asynccontextmanager
async def open_sqlite(
    folder: Path, store_class: type[SqliteEngagementStore] = SqliteEngagementStore
) -> AsyncIterator[Backend]:
    schema = files("engagement_svc.store") / "schema" / "sqlite"
    async with (
        open_database(folder / "engagement_svc.db", component="engagement", schema=schema) as database,
        open_database(folder / "engagement_svc.db", component="engagement", schema=schema) as other,
    ):
        yield Backend(store_class(database), store_class(other))


Open = Callable[[Path], AbstractAsyncContextManager[Backend]]

BACKENDS: dict[str, Open] = {"sqlite": open_sqlite}

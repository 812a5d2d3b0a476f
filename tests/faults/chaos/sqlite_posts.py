"""tweet_svc's store on SQLite, opened in this process as the service opens it, with people who post through it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar, cast

import apsw

from mesh.ids import IdSource
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.sqlite import SqliteDatabase, open_database
from tests.faults.chaos.bar import Run
from tests.faults.posting import Posts
from tweet_svc.store.sqlite import SqliteTweetStore

FILE = "tweet_svc.db"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Relaxed:
    """A database that commits everything with synchronous=NORMAL: the control."""

    database: SqliteDatabase

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        return self.database.read(work)

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        return await self.database.write_relaxed(work)


@asynccontextmanager
async def open_sqlite_posts(
    folder: Path, ids: IdSource, acknowledged: dict[int, int], *, is_relaxed: bool = False
) -> AsyncIterator[Posts]:
    """The store in that folder; `acknowledged` is what was answered before, and is added to."""
    schema = files("tweet_svc.store") / "schema" / "sqlite"
    async with open_database(folder / FILE, component="tweet", schema=schema) as database:
        used = cast("SqliteDatabase", _Relaxed(database)) if is_relaxed else database
        yield Posts(SqliteTweetStore(used), SqliteOutbox(database), ids, acknowledged)


async def expect_whole(run: Run, posts: Posts, folder: Path) -> set[int]:
    """What must hold of a store whatever befell it, but for posts that are lost: those are returned."""
    listed, announced = set(await posts.listed()), await posts.announced()
    run.expect("a tweet has one event, and an event its tweet", listed ^ set(announced), is_so=listed == set(announced))
    run.expect("events twice", announced, is_so=announced.total() == len(announced))
    twice = await posts.twice()
    run.expect("twice", twice, is_so=not twice)
    found = integrity(folder)
    run.expect("SQLite's check of the file", found, is_so=found == ["ok"])
    return await posts.lost()


def integrity(folder: Path) -> list[str]:
    """What PRAGMA integrity_check says, ["ok"] when it found nothing."""
    connection = apsw.Connection(str(folder / FILE), flags=apsw.SQLITE_OPEN_READONLY, vfs="unix")
    try:
        return [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    finally:
        connection.close()

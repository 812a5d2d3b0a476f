"""SQLite for one service: one writer thread with group commit, reads on the event loop.

WAL with synchronous=FULL keeps every acknowledged commit through a power cut; one fsync is shared by all writes that
waited for it. Several processes of a service may open the file: BEGIN IMMEDIATE and the busy timeout order them.
Reads are point look-ups of microseconds, so they run where they are asked for: a thread hop would cost more.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from mesh.errors import MeshError, Unavailable
from mesh.storage.migrations import migrate

# 3.51.3 mended a race that could corrupt a WAL database: https://sqlite.org/releaselog/3_51_3.html
OLDEST_SQLITE = 3_051_003
MOST_PER_COMMIT = 64
BUSY_TIMEOUT = timedelta(seconds=1)

T = TypeVar("T")


class DamagedDatabase(Exception):
    """The file did not pass SQLite's check after an unclean stop."""


@dataclass(slots=True)
class _Write:
    work: Callable[[apsw.Connection], object]
    done: asyncio.Future[Any]
    is_relaxed: bool
    result: object = None
    failure: BaseException | None = None


class SqliteDatabase:
    """One file of one service. Made by `open_database`.

    `appended` is set after every commit of this process: it wakes who looks for new rows.
    """

    def __init__(self, writer: apsw.Connection, reader: apsw.Connection) -> None:
        self.appended = asyncio.Event()
        self._writer = writer
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run short look-ups on the reading connection, now. Each statement sees every finished write.

        Raises Unavailable when the file cannot be read.
        """
        try:
            return work(self._reader)
        except apsw.Error as error:
            raise Unavailable.backend("the store") from error

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` on the writer's thread as one transaction and return once it is on disk.

        What `work` raises undoes its own statements only and is raised here; a store that cannot commit raises
        Unavailable. Cancelling the wait does not undo the work.
        """
        return await self._enqueue(work, is_relaxed=False)

    async def write_relaxed(self, work: Callable[[apsw.Connection], T]) -> T:
        """As `write`, but a power cut may undo it: for writes that only save a repeat."""
        return await self._enqueue(work, is_relaxed=True)

    def close(self) -> None:
        """Finish the writes that were asked for, then close the file."""
        self._queue.put(None)
        self._thread.join()
        self._reader.close()
        self._writer.close()

    async def _enqueue(self, work: Callable[[apsw.Connection], T], *, is_relaxed: bool) -> T:
        done: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Write(work, done, is_relaxed))
        return cast("T", await done)

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch = [self._queue.get()]
            while len(batch) < MOST_PER_COMMIT and not self._queue.empty():
                batch.append(self._queue.get())
            writes = [write for write in batch if write is not None]
            is_open = len(writes) == len(batch)
            if writes:
                self._commit(writes)
                self._loop.call_soon_threadsafe(self._answer, writes)

    def _commit(self, writes: list[_Write]) -> None:
        is_relaxed = all(write.is_relaxed for write in writes)
        try:
            if is_relaxed:
                self._writer.execute("PRAGMA synchronous=NORMAL")
            self._writer.execute("BEGIN IMMEDIATE")
            for write in writes:
                self._apply(write)
            self._writer.execute("COMMIT")
        except apsw.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for write in writes:
                write.failure = error
        finally:
            if is_relaxed:
                self._writer.execute("PRAGMA synchronous=FULL")

    def _apply(self, write: _Write) -> None:
        self._writer.execute("SAVEPOINT one")
        try:
            write.result = write.work(self._writer)
        except Exception as error:  # raised again where the write was asked for
            write.failure = error
            if not self._writer.in_transaction:
                raise  # SQLite rolled the whole transaction back (disk full, I/O error): nobody's write is there
            self._writer.execute("ROLLBACK TO one")
        self._writer.execute("RELEASE one")

    def _answer(self, writes: list[_Write]) -> None:
        for write in writes:
            if write.done.done():
                continue
            if write.failure is None:
                write.done.set_result(write.result)
            elif isinstance(write.failure, MeshError) or not isinstance(write.failure, apsw.Error):
                write.done.set_exception(write.failure)
            else:
                unavailable = Unavailable.backend("the store")
                unavailable.__cause__ = write.failure
                write.done.set_exception(unavailable)
        self.appended.set()


@asynccontextmanager
async def open_database(path: Path, *, component: str, schema: Traversable) -> AsyncIterator[SqliteDatabase]:
    """Open or make the file and bring its tables up to date; close it afterwards.

    `schema` is a folder of numbered .sql files. Raises NewerSchema for a file of a later version of the service, and
    DamagedDatabase for one that SQLite finds broken.
    """
    if _version_number() < OLDEST_SQLITE:
        raise DamagedDatabase(f"SQLite {apsw.sqlite_lib_version()} can corrupt WAL files; 3.51.3 or later is needed")
    path.parent.mkdir(parents=True, exist_ok=True)
    wal = path.with_name(path.name + "-wal")
    stopped_uncleanly = wal.exists() and wal.stat().st_size > 0
    writer = apsw.Connection(str(path))
    writer.set_busy_timeout(int(BUSY_TIMEOUT / timedelta(milliseconds=1)))
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=0"):
        list(writer.execute(f"PRAGMA {pragma}"))
    if stopped_uncleanly and (found := writer.execute("PRAGMA quick_check").fetchall()) != [("ok",)]:
        raise DamagedDatabase(f"{path}: {found[0][0]}")
    migrate(writer, component=component, schema=schema)
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.set_busy_timeout(int(BUSY_TIMEOUT / timedelta(milliseconds=1)))
    list(reader.execute("PRAGMA query_only=ON"))
    database = SqliteDatabase(writer, reader)
    try:
        yield database
    finally:
        database.close()


def _version_number() -> int:
    major, minor, patch = (int(part) for part in apsw.sqlite_lib_version().split("."))
    return major * 1_000_000 + minor * 1_000 + patch

"""SQLite for one service: one writer thread with group commit, reads on the event loop.

WAL with synchronous=FULL keeps every acknowledged commit through a power cut; one fsync is shared by all writes that
waited for it. Several processes of a service may open the file: BEGIN IMMEDIATE and the busy timeout order them.
Reads are point look-ups of microseconds, so they run where they are asked for: a thread hop would cost more.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from mesh.errors import Unavailable
from mesh.failpoints import fp
from mesh.storage.migrations import migrate

_log = logging.getLogger(__name__)

# 3.51.3 mended a race that could corrupt a WAL database: https://sqlite.org/releaselog/3_51_3.html
OLDEST_SQLITE = 3_051_003
MOST_PER_COMMIT = 64
BUSY_TIMEOUT = timedelta(seconds=1)
READ_WRITE_CREATE = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE

T = TypeVar("T")


class DamagedDatabase(Exception):
    """The file cannot be opened, is no database, or did not pass SQLite's check after an unclean stop."""


# What the file or the machine is to blame for. Any other error of SQLite is a mistake in a statement.
TROUBLE = (
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.NotADBError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)


@dataclass(slots=True)
class _Write:
    work: Callable[[apsw.Connection], object]
    done: asyncio.Future[Any]
    is_relaxed: bool
    result: object = None
    failure: BaseException | None = None


class _RolledBack(Exception):
    """SQLite undid the whole transaction by itself: nobody's write is there."""


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
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run short look-ups on the reading connection, now. Each statement sees every finished write.

        Raises Unavailable when the file cannot be read.
        """
        try:
            return work(self._reader)
        except TROUBLE as error:
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
        self._is_closed = True
        self._queue.put(None)
        self._thread.join()
        self._reader.close()
        self._writer.close()

    async def _enqueue(self, work: Callable[[apsw.Connection], T], *, is_relaxed: bool) -> T:
        if self._is_closed:
            raise Unavailable.backend("the store, which is closed")
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
        try:
            # A power cut may undo the batch only if every write in it says so.
            is_relaxed = all(write.is_relaxed for write in writes)
            self._writer.execute(f"PRAGMA synchronous={'NORMAL' if is_relaxed else 'FULL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            for write in writes:
                self._apply(write)
            fp("sqlite.before_commit")
            self._writer.execute("COMMIT")
            fp("sqlite.committed")
        except (apsw.Error, _RolledBack) as error:
            self._undo(writes, error)
        except Exception as error:  # noqa: BLE001 - it is told to all who wait
            _log.exception("a commit failed by a defect")
            self._undo(writes, error)

    def _undo(self, writes: list[_Write], error: Exception) -> None:
        """Tell all that the outcome is not known. A thread that dies here would leave every later write waiting."""
        unavailable = Unavailable.backend("the store")
        unavailable.__cause__ = error
        for write in writes:
            write.failure = unavailable
        with suppress(apsw.Error):
            self._writer.execute("ROLLBACK")

    def _apply(self, write: _Write) -> None:
        self._writer.execute("SAVEPOINT one")
        try:
            write.result = write.work(self._writer)
        except Exception as error:  # raised again where the write was asked for
            write.failure = error
            if not self._writer.in_transaction:
                raise _RolledBack from error
            self._writer.execute("ROLLBACK TO one")
        self._writer.execute("RELEASE one")

    def _answer(self, writes: list[_Write]) -> None:
        for write in writes:
            if write.done.done():
                continue
            if write.failure is None:
                write.done.set_result(write.result)
            elif isinstance(write.failure, TROUBLE):
                unavailable = Unavailable.backend("the store")
                unavailable.__cause__ = write.failure
                write.done.set_exception(unavailable)
            else:
                write.done.set_exception(write.failure)
        self.appended.set()


@asynccontextmanager
async def open_database(path: Path, *, component: str, schema: Traversable) -> AsyncIterator[SqliteDatabase]:
    """Open or make the file and bring its tables up to date; close it afterwards.

    `schema` is a folder of numbered .sql files. Raises NewerSchema for a file of a later version of the service, and
    DamagedDatabase for one that SQLite finds broken or cannot open.
    """
    if _version_number() < OLDEST_SQLITE:
        raise DamagedDatabase(f"SQLite {apsw.sqlite_lib_version()} can corrupt WAL files; 3.51.3 or later is needed")
    path.parent.mkdir(parents=True, exist_ok=True)
    wal = path.with_name(path.name + "-wal")
    stopped_uncleanly = wal.exists() and wal.stat().st_size > 0
    with ExitStack() as opened:
        try:
            writer = opened.enter_context(closing(_open(path, flags=READ_WRITE_CREATE)))
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                list(writer.execute(f"PRAGMA {pragma}"))
            if stopped_uncleanly and (found := writer.execute("PRAGMA quick_check").fetchall()) != [("ok",)]:
                raise DamagedDatabase(f"{path} is damaged: {str(found[0][0]).splitlines()[:2]}")
            migrate(writer, component=component, schema=schema)
            reader = opened.enter_context(closing(_open(path, flags=apsw.SQLITE_OPEN_READONLY)))
            list(reader.execute("PRAGMA query_only=ON"))
        except (apsw.NotADBError, apsw.CorruptError, apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise DamagedDatabase(f"{path}: {error}") from error
        database = SqliteDatabase(writer, reader)
        opened.pop_all()
    try:
        yield database
    finally:
        database.close()


def _open(path: Path, *, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(int(BUSY_TIMEOUT / timedelta(milliseconds=1)))
    list(connection.execute("PRAGMA mmap_size=0"))
    return connection


def _version_number() -> int:
    major, minor, patch = (int(part) for part in apsw.sqlite_lib_version().split("."))
    return major * 1_000_000 + minor * 1_000 + patch

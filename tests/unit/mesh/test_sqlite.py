"""What SqliteDatabase promises about writes: atomic one by one, committed together, there after a crash."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from mesh.errors import NotFound, Unavailable
from mesh.storage.sqlite import DamagedDatabase, SqliteDatabase, open_database
from tests.support.failpoints import armed


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "0001_a.sql").write_text("CREATE TABLE a (number INTEGER PRIMARY KEY) STRICT;")
    return folder


@pytest.fixture
async def database(tmp_path: Path, schema: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_database(tmp_path / "a.db", component="a", schema=schema) as opened:
        yield opened


def inserting(first: int, *, count: int = 1) -> Callable[[apsw.Connection], None]:
    def work(connection: apsw.Connection) -> None:
        connection.executemany("INSERT INTO a VALUES (?)", [(number,) for number in range(first, first + count)])

    return work


def numbers(database: SqliteDatabase) -> list[int]:
    return database.read(lambda connection: [row[0] for row in connection.execute("SELECT number FROM a")])


async def hold(database: SqliteDatabase) -> tuple[asyncio.Future[None], threading.Event]:
    """Keep the writer busy until the event is set, so that the next writes wait for it together."""
    is_held, release = threading.Event(), threading.Event()

    def work(_: apsw.Connection) -> None:
        is_held.set()
        release.wait(10)

    held = asyncio.ensure_future(database.write(work))  # noqa: TID251 - awaited by the test
    await asyncio.to_thread(is_held.wait, 10)
    return held, release


async def test_a_finished_write_is_read_at_once(database: SqliteDatabase) -> None:
    await database.write(inserting(1))
    assert numbers(database) == [1]


async def test_a_write_returns_what_its_work_returns(database: SqliteDatabase) -> None:
    assert await database.write(lambda _: "answer") == "answer"


async def test_a_failing_write_undoes_its_own_statements_only(database: SqliteDatabase) -> None:
    def half(connection: apsw.Connection) -> None:
        inserting(2)(connection)
        raise NotFound("TWEET_NOT_FOUND", "no such tweet")

    held, release = await hold(database)
    first = database.write(inserting(1))
    last = database.write(inserting(3))
    together = asyncio.gather(first, database.write(half), last, return_exceptions=True)
    await asyncio.sleep(0)
    release.set()
    await held
    answers = await together
    assert isinstance(answers[1], NotFound)
    assert answers[0] is None
    assert answers[2] is None
    assert numbers(database) == [1, 3]


async def test_writes_that_wait_together_share_one_commit(database: SqliteDatabase) -> None:
    commits: list[str] = []

    def hook() -> bool:
        commits.append("one")
        return False

    def count(connection: apsw.Connection) -> None:
        connection.set_commit_hook(hook)

    await database.write(count)
    held, release = await hold(database)
    commits.clear()
    together = asyncio.gather(*(database.write(inserting(n)) for n in range(40)))
    await asyncio.sleep(0)
    release.set()
    await held
    await together
    assert len(commits) <= 2
    assert len(numbers(database)) == 40


async def test_cancelling_the_wait_does_not_undo_the_write(database: SqliteDatabase) -> None:
    held, release = await hold(database)
    waiting = asyncio.ensure_future(  # noqa: TID251 - awaited below
        database.write(inserting(1))
    )
    await asyncio.sleep(0)
    waiting.cancel()
    release.set()
    await held
    await database.write(inserting(2))
    assert waiting.cancelled()
    assert numbers(database) == [1, 2]


async def test_only_a_batch_of_relaxed_writes_is_committed_relaxed(database: SqliteDatabase) -> None:
    def level(connection: apsw.Connection) -> Any:
        return connection.execute("PRAGMA synchronous").get

    assert await database.write_relaxed(level) == 1
    held, release = await hold(database)
    together = asyncio.gather(database.write_relaxed(level), database.write(level))
    await asyncio.sleep(0)
    release.set()
    await held
    assert list(await together) == [2, 2]
    assert await database.write(level) == 2


async def test_a_transaction_that_sqlite_undid_is_nobodys_success(database: SqliteDatabase) -> None:
    def undone(connection: apsw.Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO a VALUES (1)")

    await database.write(inserting(1))
    held, release = await hold(database)
    together = asyncio.gather(
        database.write(inserting(2)),
        database.write(undone),
        database.write(inserting(4)),
        return_exceptions=True,
    )
    await asyncio.sleep(0)
    release.set()
    await held
    assert [type(answer) for answer in await together] == [Unavailable] * 3
    assert numbers(database) == [1]
    await database.write(inserting(3))
    assert numbers(database) == [1, 3]


async def test_a_mistake_in_a_statement_is_not_taken_for_a_store_that_is_away(database: SqliteDatabase) -> None:
    with pytest.raises(apsw.SQLError):
        await database.write(lambda connection: connection.execute("INSERT INTO nothing VALUES (1)"))
    with pytest.raises(apsw.SQLError):
        database.read(lambda connection: connection.execute("SELECT * FROM nothing").fetchall())


async def test_a_file_that_another_process_holds_is_unavailable(database: SqliteDatabase, tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "a.db"))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await database.write(inserting(1))
    other.execute("ROLLBACK")
    other.close()
    await database.write(inserting(1))
    assert numbers(database) == [1]


async def test_readers_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(Unavailable):
        database.read(inserting(1))


async def test_what_was_asked_for_is_written_before_the_file_is_closed(tmp_path: Path, schema: Path) -> None:
    async with open_database(tmp_path / "a.db", component="a", schema=schema) as database:
        together = asyncio.gather(*(database.write(inserting(n)) for n in range(200)))
        await asyncio.sleep(0)
    await together
    with pytest.raises(Unavailable):
        await database.write(inserting(1))
    async with open_database(tmp_path / "a.db", component="a", schema=schema) as again:
        assert len(numbers(again)) == 200


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, schema: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(DamagedDatabase, match=r"a\.db: file is not a database"):
        async with open_database(tmp_path / "a.db", component="a", schema=schema):
            pass


async def test_a_damaged_page_is_found_after_an_unclean_stop(tmp_path: Path, schema: Path) -> None:
    async with open_database(tmp_path / "a.db", component="a", schema=schema) as database:
        for start in range(0, 20_000, 1_000):
            await database.write(inserting(start, count=1_000))
    content = bytearray((tmp_path / "a.db").read_bytes())
    content[-4096 * 2 - 60 : -4096 * 2] = b"\x7f" * 60  # in a leaf of the table
    (tmp_path / "a.db").write_bytes(bytes(content))
    (tmp_path / "a.db-wal").write_bytes(b"left behind")
    with pytest.raises(DamagedDatabase, match="Extends off end of page"):
        async with open_database(tmp_path / "a.db", component="a", schema=schema):
            pass


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, schema: Path) -> None:
    (tmp_path / "a.db").mkdir()
    with pytest.raises(DamagedDatabase, match=r"a\.db: unable to open"):
        async with open_database(tmp_path / "a.db", component="a", schema=schema):
            pass


@pytest.mark.parametrize(("failpoint", "stored"), [("sqlite.before_commit", [2]), ("sqlite.committed", [1, 2])])
async def test_a_defect_around_the_commit_leaves_a_writer_that_writes(
    database: SqliteDatabase, failpoint: str, stored: list[int]
) -> None:
    with armed(f"{failpoint}:raise@1"):
        with pytest.raises(Unavailable):
            await asyncio.wait_for(database.write(inserting(1)), 10)
        await asyncio.wait_for(database.write(inserting(2)), 10)
    assert numbers(database) == stored

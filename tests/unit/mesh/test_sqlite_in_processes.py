"""One file in several processes: acknowledged writes survive kill -9, and writers take turns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apsw
import pytest

ROOT = Path(__file__).parents[3]
# Writes numbers from argv[2] up to argv[3] and prints each once it is acknowledged.
WRITER = """
import asyncio, sys
from pathlib import Path
from mesh.storage.sqlite import open_database

async def main():
    folder = Path(sys.argv[1])
    async with open_database(folder / "a.db", component="a", schema=folder / "schema") as database:
        for number in range(int(sys.argv[2]), int(sys.argv[3])):
            await database.write(lambda connection: connection.execute("INSERT INTO a VALUES (?)", (number,)) and None)
            print(number, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "0001_a.sql").write_text("CREATE TABLE a (number INTEGER PRIMARY KEY) STRICT;")
    return tmp_path


def start_writer(folder: Path, *, first: int, end: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(end)]
    environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)


def numbers(folder: Path) -> set[object]:
    connection = apsw.Connection(str(folder / "a.db"))
    try:
        return {row[0] for row in connection.execute("SELECT number FROM a")}
    finally:
        connection.close()


def test_acknowledged_writes_survive_kill_9(folder: Path) -> None:
    writer = start_writer(folder, first=0, end=1_000_000)
    assert writer.stdout is not None
    with writer.stdout:
        acknowledged = [int(writer.stdout.readline()) for _ in range(200)]
        writer.kill()
        writer.wait()
        *whole, _cut = writer.stdout.read().split("\n")
    acknowledged += [int(line) for line in whole]
    assert (folder / "a.db-wal").stat().st_size > 0, "the writer was not stopped in the middle"
    assert set(acknowledged) <= numbers(folder)


def test_several_processes_may_make_and_write_one_file(folder: Path) -> None:
    writers = [start_writer(folder, first=first, end=first + 50) for first in (0, 100, 200)]
    acknowledged = {int(line) for writer in writers for line in writer.communicate(timeout=60)[0].split()}
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert acknowledged == {*range(50), *range(100, 150), *range(200, 250)} == numbers(folder)

"""Schema files are applied once and in order, and a newer file is not touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from mesh.storage.migrations import NewerSchema, migrate


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE first (a INTEGER); INSERT INTO first VALUES (1);")
    (folder / "README.md").write_text("Other files are left alone.")
    return folder


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = apsw.Connection(str(tmp_path / "a.db"))
    yield opened
    opened.close()


def tables(connection: apsw.Connection) -> set[object]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_the_tables_of_the_runtime_come_with_those_of_the_service(connection: apsw.Connection, schema: Path) -> None:
    migrate(connection, component="a", schema=schema)
    assert {"outbox", "id_leases", "first"} <= tables(connection)


def test_each_file_is_applied_once(connection: apsw.Connection, schema: Path) -> None:
    migrate(connection, component="a", schema=schema)
    migrate(connection, component="a", schema=schema)
    assert connection.execute("SELECT count(*) FROM first").get == 1


def test_a_new_file_is_applied_to_an_old_database(connection: apsw.Connection, schema: Path) -> None:
    migrate(connection, component="a", schema=schema)
    (schema / "0002_second.sql").write_text("CREATE TABLE second (a INTEGER); INSERT INTO second SELECT a FROM first;")
    migrate(connection, component="a", schema=schema)
    assert connection.execute("SELECT a FROM second").get == 1


def test_a_newer_schema_is_refused_and_left_alone(connection: apsw.Connection, schema: Path) -> None:
    second = schema / "0002_second.sql"
    second.write_text("CREATE TABLE second (a INTEGER);")
    migrate(connection, component="a", schema=schema)
    second.unlink()
    with pytest.raises(NewerSchema, match="schema 2 of a is newer than this program's 1"):
        migrate(connection, component="a", schema=schema)
    assert "second" in tables(connection)


def test_a_file_that_fails_leaves_nothing_behind(connection: apsw.Connection, schema: Path) -> None:
    (schema / "0002_broken.sql").write_text("CREATE TABLE second (a INTEGER); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(apsw.SQLError):
        migrate(connection, component="a", schema=schema)
    assert tables(connection) == set()
    assert not connection.in_transaction


def test_a_gap_in_the_numbers_is_a_mistake(connection: apsw.Connection, schema: Path) -> None:
    (schema / "0003_third.sql").write_text("CREATE TABLE third (a INTEGER);")
    with pytest.raises(ValueError, match="not numbered 1 to 2"):
        migrate(connection, component="a", schema=schema)

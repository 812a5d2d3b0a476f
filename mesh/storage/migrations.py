"""Numbered schema files, applied once each and in order, and written down in the file that they change."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

import apsw

_RECORD = """CREATE TABLE IF NOT EXISTS schema_migrations (
    component TEXT NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (component, version)) STRICT"""


class NewerSchema(Exception):
    """The file was written by a later version of the service; running an older one on it could lose data."""


def migrate(connection: apsw.Connection, *, component: str, schema: Traversable) -> None:
    """Apply what is missing of the runtime's own tables and of `schema`, all in one transaction.

    Files are named like 0001_tweets.sql and numbered from 1 without gaps. Raises NewerSchema when the file has a
    version that is not in the folder.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_RECORD)
        _apply(connection, "mesh", files("mesh.storage") / "schema" / "sqlite")
        _apply(connection, component, schema)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite undoes it by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def _apply(connection: apsw.Connection, component: str, folder: Traversable) -> None:
    steps = sorted(step.name for step in folder.iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", step.name))
    if [int(step[:4]) for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError(f"the schema files of {component} are not numbered 1 to {len(steps)}: {steps}")
    query = "SELECT coalesce(max(version), 0) FROM schema_migrations WHERE component = ?"
    newest = next(iter(connection.execute(query, (component,))))[0]
    if newest > len(steps):
        raise NewerSchema(
            f"{connection.filename}: schema {newest} of {component} is newer than this program's {len(steps)};"
            " start the newer version, or name another data directory"
        )
    for number, step in enumerate(steps[newest:], start=newest + 1):
        for _ in connection.execute((folder / step).read_text()):
            pass
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?, ?)", (component, number, step))

"""Numbered schema files, applied once each and in order, by one process at a time, and written down where they are."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from mesh.storage.migrations import NewerSchema

_TABLES = {
    "schema_migrations": "(component text, version int, name text, PRIMARY KEY (component, version))",
    "schema_lock": "(name text PRIMARY KEY, owner text)",
}
_NAMESPACE = uuid.UUID("6d1f9f0a-1f1e-4a53-8a52-0d6a5c4f8e00")
# Longer than any schema takes; whoever dies with the lock holds the others up for so long.
LOCKED_FOR = timedelta(seconds=60)
STATEMENT_TIMEOUT = timedelta(seconds=20)


class NotNow(Exception):
    """The nodes do not agree on the schema yet, or another process changes it. Nothing is lost by trying again."""


def migrate(session: Session, *, component: str, schema: Traversable, compaction: str = "") -> None:
    """Apply what is missing of the runtime's own tables and of `schema`; blocks.

    Files are named like 0001_tweets.cql and numbered from 1 without gaps; each statement ends with a semicolon and may
    be repeated. Tables whose definition names no compaction get that class. Raises NewerSchema when the keyspace has a
    version that is not in the folder, NotNow, and what the driver raises.
    """
    for table, columns in _TABLES.items():
        # Two processes that make a table at the same time make the same one, and a cluster has each id once.
        table_id = uuid.uuid5(_NAMESPACE, f"{session.keyspace}.{table}")
        define(session, f"CREATE TABLE IF NOT EXISTS {table} {columns} WITH ID = {table_id}")
    folders = {"mesh": files("mesh.storage") / "schema" / "cassandra", component: schema}
    if not any(_missing(session, name, folder) for name, folder in folders.items()):
        return
    with _locked(session):
        for name, folder in folders.items():
            for version, step in _missing(session, name, folder):
                for statement in _statements((folder / step).read_text()):
                    define(session, _compacted(statement, compaction))
                _run(
                    session,
                    "INSERT INTO schema_migrations (component, version, name) VALUES (%s, %s, %s)",
                    name,
                    version,
                    step,
                )


def _missing(session: Session, component: str, folder: Traversable) -> list[tuple[int, str]]:
    steps = sorted(step.name for step in folder.iterdir() if re.fullmatch(r"\d{4}_\w+\.cql", step.name))
    if [int(step[:4]) for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError(f"the schema files of {component} are not numbered 1 to {len(steps)}: {steps}")
    rows = _run(session, "SELECT version FROM schema_migrations WHERE component = %s", component)
    newest = max((row[0] for row in rows), default=0)
    if newest > len(steps):
        raise NewerSchema(
            f"keyspace {session.keyspace}: schema {newest} of {component} is newer than this program's {len(steps)};"
            " start the newer version, or name another prefix"
        )
    return list(enumerate(steps, start=1))[newest:]


@contextmanager
def _locked(session: Session) -> Iterator[None]:
    owner = secrets.token_hex(8)
    take = "INSERT INTO schema_lock (name, owner) VALUES ('schema', %s) IF NOT EXISTS USING TTL %s"
    if not _run(session, take, owner, LOCKED_FOR.seconds)[0][0]:
        raise NotNow("another process changes the schema")
    try:
        yield
    finally:
        _run(session, "DELETE FROM schema_lock WHERE name = 'schema' IF owner = %s", owner)


def define(session: Session, text: str) -> None:
    """Change the schema, and return when the nodes agree on it. Raises NotNow, and what the driver raises."""
    result = session.execute(SimpleStatement(text), timeout=STATEMENT_TIMEOUT.total_seconds())
    if not result.response_future.is_schema_agreed:
        raise NotNow(f"the nodes do not agree on the schema after: {text[:80]}")


def _run(session: Session, text: str, *values: object) -> list[tuple[Any, ...]]:
    statement = SimpleStatement(text, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
    return list(session.execute(statement, values, timeout=STATEMENT_TIMEOUT.total_seconds()))


def _statements(text: str) -> list[str]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]


def _compacted(statement: str, compaction: str) -> str:
    if not compaction or not statement.startswith("CREATE TABLE") or "compaction" in statement:
        return statement
    has_options = re.search(r"\)\s+WITH\s", statement) is not None
    return f"{statement} {'AND' if has_options else 'WITH'} compaction = {{'class': '{compaction}'}}"

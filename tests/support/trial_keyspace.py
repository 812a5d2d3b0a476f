"""A keyspace that no service has, with two tables of its own."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra, open_cassandra
from mesh.storage.url import CassandraUrl
from tests.support.cassandra import TRIAL
from tests.support.wait_until import wait_until

FIRST = """-- Numbers; with a semicolon here.
CREATE TABLE IF NOT EXISTS numbers (owner bigint, number bigint, text text, PRIMARY KEY ((owner), number));
CREATE TABLE IF NOT EXISTS claims (name text PRIMARY KEY, owner bigint);
"""


def schema_in(folder: Path) -> Path:
    """A folder with the schema."""
    schema = folder / "schema"
    schema.mkdir()
    (schema / "0001_numbers.cql").write_text(FIRST)
    return schema


def opened(url: CassandraUrl, schema: Path, metrics: Metrics | None = None) -> AbstractAsyncContextManager[Cassandra]:
    """The keyspace; it may not answer yet."""
    return open_cassandra(url, component=TRIAL, schema=schema, metrics=metrics)


async def ready(cassandra: Cassandra) -> None:
    """Return when it answers."""

    async def answers() -> bool:
        try:
            await cassandra.ping()
        except Unavailable:
            return False
        return True

    await wait_until(answers, at_most=30)

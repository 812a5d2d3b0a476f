"""The schema of a keyspace on a real Cassandra: numbered files, each applied once, and by one process at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesh.storage.cassandra import Statement
from mesh.storage.cassandra_session import CannotConnect, connect
from mesh.storage.migrations import NewerSchema
from mesh.storage.url import CassandraUrl
from tests.support.cassandra import TRIAL, store_url
from tests.support.trial_keyspace import opened, ready, schema_in


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    return schema_in(tmp_path)


@pytest.fixture
def url() -> CassandraUrl:
    return store_url(TRIAL)


async def test_a_keyspace_without_journal_gets_one(url: CassandraUrl, schema: Path) -> None:
    async with opened(url, schema) as cassandra:
        await ready(cassandra)
        await cassandra.run(Statement("old.outbox", "ALTER TABLE outbox DROP writes"))
        version = "FROM schema_migrations WHERE component = 'mesh' AND version = 2"
        await cassandra.run(Statement("old.version", f"DELETE {version}"))
        session = await asyncio.to_thread(connect, url, component=TRIAL, schema=schema)
        await asyncio.to_thread(session.cluster.shutdown)
        assert await cassandra.run(Statement("version", f"SELECT name {version}")) == [("0002_journal.cql",)]
        assert await cassandra.run(Statement("journal", "SELECT writes FROM outbox")) == []


async def test_schema_files_are_applied_once_also_by_two_at_once(url: CassandraUrl, schema: Path) -> None:
    async with opened(url, schema) as one, opened(url, schema) as other:
        await asyncio.gather(ready(one), ready(other))
        rows = await one.run(
            Statement("versions", "SELECT version, name FROM schema_migrations WHERE component = 'trial'")
        )
    assert rows[-1] == (len(rows), rows[-1][1])


async def test_a_keyspace_of_a_later_version_is_not_touched(url: CassandraUrl, schema: Path, tmp_path: Path) -> None:
    async with opened(url, schema) as cassandra:
        await ready(cassandra)
        later = "INSERT INTO schema_migrations (component, version, name) VALUES ('trial', 99, 'later')"
        await cassandra.run(Statement("later", later))
        try:
            with pytest.raises(NewerSchema, match="99 of trial is newer"):
                await asyncio.to_thread(connect, url, component=TRIAL, schema=schema)
        finally:
            sooner = "DELETE FROM schema_migrations WHERE component = 'trial' AND version = 99"
            await cassandra.run(Statement("sooner", sooner))


async def test_while_another_process_changes_the_schema_the_store_is_not_used(url: CassandraUrl, schema: Path) -> None:
    async with opened(url, schema) as cassandra:
        await ready(cassandra)
        (schema / "0002_more.cql").write_text("ALTER TABLE numbers WITH comment = 'more';")
        await cassandra.run(Statement("lock", "INSERT INTO schema_lock (name, owner) VALUES ('schema', 'other')"))
        with pytest.raises(CannotConnect, match="another process changes the schema"):
            await asyncio.to_thread(connect, url, component=TRIAL, schema=schema)
        await cassandra.run(Statement("unlock", "DELETE FROM schema_lock WHERE name = 'schema'"))
        session = await asyncio.to_thread(connect, url, component=TRIAL, schema=schema)
        await asyncio.to_thread(session.cluster.shutdown)
        version = "FROM schema_migrations WHERE component = 'trial' AND version = 2"
        assert await cassandra.run(Statement("second", f"SELECT name {version}")) == [("0002_more.cql",)]
        await cassandra.run(Statement("forget", f"DELETE {version}"))

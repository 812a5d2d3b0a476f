"""The schema of a keyspace on a real Cassandra: numbered files, each applied once, and by one process at a time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cassandra.cluster import Session

from dev_mesh.cassandra.cluster import SUPERUSER
from mesh.storage.cassandra import Statement
from mesh.storage.cassandra_session import CannotConnect, connect
from mesh.storage.migrations import NewerSchema
from mesh.storage.url import CassandraUrl
from tests.support.cassandra import TRIAL, store_url, the_node
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


async def test_a_keyspace_that_is_not_there_is_made_as_the_url_says(
    url: CassandraUrl, schema: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = _as_superuser(url, prefix="made")
    try:
        with _connected(made, schema) as session:
            where = "WHERE keyspace_name = 'made_trial'"
            replication = session.execute(f"SELECT replication FROM system_schema.keyspaces {where}").one()[0]
            assert {key: value for key, value in replication.items() if key != "class"} == {url.datacenter: "1"}
            tables = f"SELECT table_name, compaction FROM system_schema.tables {where}"
            classes = {table: compaction["class"].rpartition(".")[2] for table, compaction in session.execute(tables)}
        assert classes["numbers"] == classes["dead_letters"] == "UnifiedCompactionStrategy"
        assert classes["outbox"] == "TimeWindowCompactionStrategy"
        assert "another replication" not in caplog.text
        with _connected(dataclasses.replace(made, replication=((url.datacenter, 3),)), schema) as session:
            again = session.execute(f"SELECT replication FROM system_schema.keyspaces {where}").one()[0]
        assert again == replication
        assert "another replication" in caplog.text
    finally:
        with _connected(made, schema) as session:
            session.execute("DROP KEYSPACE made_trial", timeout=60)


async def test_a_role_that_may_not_make_its_keyspace_says_so(url: CassandraUrl, schema: Path) -> None:
    away = dataclasses.replace(url, prefix="away", replication=((url.datacenter, 1),))
    with pytest.raises(CannotConnect, match=f"user {url.user} may not make keyspace away_trial, which is not there"):
        await asyncio.to_thread(connect, away, component=TRIAL, schema=schema)


def _as_superuser(url: CassandraUrl, *, prefix: str) -> CassandraUrl:
    return dataclasses.replace(
        url,
        user=SUPERUSER,
        password=the_node().cluster.password(SUPERUSER),
        prefix=prefix,
        replication=((url.datacenter, 1),),
        compaction="UnifiedCompactionStrategy",
    )


@contextmanager
def _connected(url: CassandraUrl, schema: Path) -> Iterator[Session]:
    session = connect(url, component=TRIAL, schema=schema)
    try:
        yield session
    finally:
        session.cluster.shutdown()

"""What docs/operations.md tells whoever runs a cluster to type, typed on a real node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cassandra.cluster import Session

from dev_mesh.cassandra.cluster import DATACENTER, SUPERUSER
from dev_mesh.cassandra.session import open_session
from mesh.storage.cassandra_session import connect
from mesh.storage.url import CassandraUrl, parse_store_url
from tests.support.cassandra_nodes import RunningCassandra

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
# Beside the keyspaces of the other tests.
PREFIX = "paged"
# Whose keyspaces the page names.
SERVICES = ("tweet", "user")
PASSWORD = "a long random one"


def blocks() -> tuple[list[str], list[str]]:
    """The statements that make a service's keyspace, and those that change what was made; for this node."""
    [making, changing] = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return here(making), here(changing)


def here(block: str) -> list[str]:
    """With the prefix, the datacenter and as many replicas as there are here."""
    block = re.sub(r"'dc1': \d", f"'{DATACENTER}': 1", block.replace("aviary_", f"{PREFIX}_"))
    return [line for line in block.splitlines() if line]


def url_of_user_svc(cassandra_server: RunningCassandra) -> CassandraUrl:
    """The page's URL with this node for the hosts."""
    [written] = re.findall(r"cassandra://aviary_tweet:\S+dc1", PAGE)
    cluster = cassandra_server.cluster
    place = f"{cluster.host(1)}:{cluster.port}/{PREFIX}"
    written = written.replace("aviary_tweet", f"{PREFIX}_user").replace("PASSWORD", quote(PASSWORD))
    written = written.replace("host1,host2,host3/aviary", place).replace("dc1", DATACENTER)
    parsed = parse_store_url(written)
    assert isinstance(parsed, CassandraUrl)
    return parsed


def start(cassandra_server: RunningCassandra, schema: Traversable) -> None:
    """What user_svc does with its keyspace when it starts."""
    connect(url_of_user_svc(cassandra_server), component="user", schema=schema).cluster.shutdown()


@pytest.fixture(scope="module")
def superuser(cassandra_server: RunningCassandra) -> Iterator[Session]:
    """One who has made the keyspaces as the page says."""
    cluster, (making, _) = cassandra_server.cluster, blocks()
    with open_session(cluster, role=SUPERUSER, password=cluster.password(SUPERUSER)) as session:
        for service in SERVICES:
            for statement in making:
                session.execute(statement.replace("_tweet", f"_{service}"), timeout=30)
        yield session
        for service in SERVICES:
            session.execute(f"DROP KEYSPACE {PREFIX}_{service}", timeout=30)
            session.execute(f"DROP ROLE {PREFIX}_{service}")


def compaction(session: Session, table: str) -> str:
    keyspace, _, name = table.partition(".")
    asked = "SELECT compaction FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"
    return str(session.execute(asked, [keyspace, name]).one().compaction["class"])


def replication(session: Session, keyspace: str) -> dict[str, Any]:
    asked = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s"
    return dict(session.execute(asked, [keyspace]).one().replication)


def test_a_later_version_leaves_replication_and_compaction_as_the_operator_has_set_them(
    cassandra_server: RunningCassandra, superuser: Session, tmp_path: Path
) -> None:
    keyspace, table = f"{PREFIX}_user", f"{PREFIX}_user.sessions"
    schema = files("user_svc.store") / "schema" / "cassandra"
    start(cassandra_server, schema)
    assert compaction(superuser, table).endswith("LeveledCompactionStrategy")
    for statement in blocks()[1]:
        superuser.execute(statement, timeout=30)
    # The page's replication comes to the same on one node; this does not.
    other = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    superuser.execute(f"ALTER KEYSPACE {keyspace} WITH replication = {other}", timeout=30)

    for step in schema.iterdir():
        (tmp_path / step.name).write_text(step.read_text())
    later = f"{len(list(tmp_path.iterdir())) + 1:04}_later.cql"
    (tmp_path / later).write_text("ALTER TABLE sessions ADD later text;")
    for _ in range(2):
        start(cassandra_server, tmp_path)

    asked = f"SELECT name FROM {keyspace}.schema_migrations WHERE component = 'user'"
    assert later in {row.name for row in superuser.execute(asked)}
    assert compaction(superuser, table).endswith("UnifiedCompactionStrategy")
    assert replication(superuser, keyspace)["class"].endswith("SimpleStrategy")

"""A real Cassandra for tests, with empty tables each time."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from cassandra.cluster import Session

from dev_mesh.cassandra.cluster import SERVICES
from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_session import connect
from mesh.storage.url import CassandraUrl, parse_store_url
from tests.support.cassandra_nodes import RunningCassandra, find_parts, start_cassandra

# A keyspace that no service has.
TRIAL = "trial"


@asynccontextmanager
async def open_keyspace(component: str) -> AsyncIterator[Cassandra]:
    """The keyspace of a service ("tweet"), all its tables empty."""
    session = _session(component)
    _empty(session)
    yield Cassandra(Metrics(), session)


@cache
def the_node() -> RunningCassandra:
    """One node for all tests of this process, started by the first that asks. Those that stop one start their own."""
    # As durable as `group`, and a single write is answered sooner.
    parts, stack = find_parts(), ExitStack()
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="aviary-cassandra-")))
    services = (*SERVICES, TRIAL)
    node = stack.enter_context(start_cassandra(folder, parts, commitlog_sync="batch", services=services))
    atexit.register(stack.close)
    return node


def store_urls() -> dict[str, str]:
    """The store URL of each service, by its short name."""
    cluster = the_node().cluster
    return {component: cluster.store_url(component) for component in (*SERVICES, TRIAL)}


def store_url(component: str) -> CassandraUrl:
    """The keyspace of one service, or of TRIAL."""
    url = parse_store_url(store_urls()[component])
    assert isinstance(url, CassandraUrl)
    return url


@cache
def _session(component: str) -> Session:
    session = connect(
        store_url(component), component=component, schema=files(f"{component}_svc.store") / "schema" / "cassandra"
    )
    atexit.register(session.cluster.shutdown)
    return session


def _empty(session: Session) -> None:
    tables = session.cluster.metadata.keyspaces[session.keyspace].tables
    # All of them: one without a row may hold deletions that would swallow what the next test writes.
    asked = [session.execute_async(f"TRUNCATE {table}") for table in tables if not table.startswith("schema_")]
    for answer in asked:
        answer.result()

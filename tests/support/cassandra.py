"""A real Cassandra for tests, with empty tables each time."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

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


def the_node() -> RunningCassandra:
    """One node for all tests of this process; those that stop one start their own. Fails as its start did."""
    return start_the_node().result()


@cache
def start_the_node() -> Future[RunningCassandra]:
    """Begin with it, unless that was done: it starts beside the tests that come before its own."""
    coming: Future[RunningCassandra] = Future()
    stack = ExitStack()

    def end() -> None:
        wait([coming])
        stack.close()

    def start() -> None:
        try:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="aviary-cassandra-")))
            # As durable as `group`, and a single write is answered sooner.
            node = start_cassandra(folder, find_parts(), commitlog_sync="batch", services=(*SERVICES, TRIAL))
            coming.set_result(stack.enter_context(node))
        except BaseException as failure:  # noqa: BLE001 - a skip too; whoever asks for the node gets it
            coming.set_exception(failure)
        # The kernel ends the node together with the thread that started it.
        Event().wait()

    atexit.register(end)
    Thread(target=start, daemon=True).start()
    return coming


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

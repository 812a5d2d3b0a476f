"""A real Cassandra for tests, with empty tables each time."""

from __future__ import annotations

import atexit
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from cassandra.cluster import Session

from mesh.metrics import Metrics
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_session import connect
from mesh.storage.url import CassandraUrl, parse_store_url

# A file with the store URL of each service on a running cluster, as `python -m dev_mesh.cassandra up` writes it.
STORE_URLS = "AVIARY_TEST_STORE_URLS"


@asynccontextmanager
async def open_keyspace(component: str) -> AsyncIterator[Cassandra]:
    """The keyspace of a service ("tweet"), all its tables empty."""
    session = _session(component)
    _empty(session)
    yield Cassandra(Metrics(), session)


@cache
def store_urls() -> dict[str, str]:
    """The store URL of each service, by its short name."""
    file = os.environ.get(STORE_URLS)
    if file is None:
        pytest.skip(f"there is no Cassandra: {STORE_URLS} is not set")
    found: dict[str, str] = json.loads(Path(file).read_text())
    return found


def store_url(component: str) -> CassandraUrl:
    """The keyspace of one service."""
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

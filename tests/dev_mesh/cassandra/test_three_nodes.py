"""Three real nodes: every row is on each of them, and one may be gone. Each proves by TLS who it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dev_mesh.cassandra.session import TROUBLE
from mesh.clock import SystemClock
from mesh.storage.cassandra import open_cassandra
from mesh.storage.url import CassandraUrl, parse_store_url
from tests.support.cassandra_nodes import CassandraParts, RunningCassandra, start_cassandra
from tests.support.wait_until import wait_until

TABLE = "aviary_graph.edges"


@pytest.fixture(scope="module")
def cluster(cassandra_parts: CassandraParts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCassandra]:
    with start_cassandra(tmp_path_factory.mktemp("three"), cassandra_parts, nodes=3, has_tls=True) as running:
        yield running


def is_acknowledged(session: Any, number: int) -> bool:
    """Whether its insert was."""
    try:
        session.execute(f"INSERT INTO {TABLE} (id) VALUES ({number})")
    except TROUBLE:
        return False
    return True


def rows_seen_by(cluster: RunningCassandra, number: int) -> set[int]:
    try:
        with cluster.session("graph", number=number) as session:
            return {row.id for row in session.execute(f"SELECT id FROM {TABLE}")}
    except TROUBLE:
        return set()


async def test_a_service_uses_every_node_by_its_own_certificate(cluster: RunningCassandra, tmp_path: Path) -> None:
    url = parse_store_url(cluster.cluster.store_url("graph"))
    assert isinstance(url, CassandraUrl)
    async with open_cassandra(url, component="graph", schema=tmp_path) as cassandra:

        def used() -> set[str]:
            session = cassandra._session
            return {host.address for host in session.get_pool_state()} if session else set()

        await wait_until(lambda: used() == set(url.hosts), at_most=60)


async def test_two_of_three_nodes_serve_and_the_third_catches_up(
    cluster: RunningCassandra, tell: Callable[[str], None]
) -> None:
    clock = SystemClock()
    memory = sum(cluster.megabytes(number) for number in cluster.cluster.numbers)
    tell(f"Cassandra, three nodes, from empty folders: ready after {cluster.took:.1f} s, {memory:.0f} MB in all")
    with cluster.session("graph", number=1) as session:
        session.execute(f"CREATE TABLE {TABLE} (id int PRIMARY KEY)")
        acknowledged = {number for number in range(20) if is_acknowledged(session, number)}
        assert len(acknowledged) == 20
        cluster.kill(2)
        after = (number for number in range(20, 80) if is_acknowledged(session, number))
        acknowledged |= set(islice(after, 20))
        assert len(acknowledged) >= 40
    # A new login asks two nodes for the role, and waits when it asks one that is not known to be gone.
    began = clock.monotonic()
    await wait_until(lambda: rows_seen_by(cluster, 3) >= acknowledged, at_most=30)
    tell(f"Cassandra, one of three after kill -9: a new login reads after {clock.monotonic() - began:.1f} s")
    cluster.start(2)
    tell(f"Cassandra, one of three after kill -9: ready after {cluster.took:.1f} s")
    assert rows_seen_by(cluster, 2) >= acknowledged

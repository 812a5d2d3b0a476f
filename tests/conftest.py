"""What every folder of tests may use: the real servers, and figures that a test leaves in the summary."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from mesh.events.nats_streams import EVENTS, FANOUT
from mesh.storage.redis import open_redis
from mesh.storage.redis_pipeline import PipelinedRedis, open_redis_pipeline
from tests.support.cassandra import start_the_node, the_node
from tests.support.cassandra_nodes import CassandraParts, RunningCassandra, find_parts
from tests.support.servers import Server, delete_streams, start_nats, start_redis

FIGURES = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the figures, whether output is captured or not."""
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the Cassandra node of all tests now, if one of them is going to ask for it."""
    if not session.config.option.collectonly and any(map(_asks_for_cassandra, session.items)):
        start_the_node()


def _asks_for_cassandra(item: pytest.Item) -> bool:
    """By its fixture, as a test of every backend, or with what its module imports."""
    if "cassandra_server" in getattr(item, "fixturenames", ()) or "[cassandra" in item.name:
        return True
    module = vars(getattr(item, "module", None) or object)
    return any(getattr(name, "__module__", "") == start_the_node.__module__ for name in module.values())


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Adds a line to the figures in the summary."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real nats-server for all tests; those that stop it start their own."""
    with start_nats(Path(tmp_path_factory.mktemp("nats")) / "store") as server:
        yield server


@pytest.fixture
def nats_url(nats_server: Server) -> str:
    """Its address, with no stream on it."""
    delete_streams(nats_server.url, (EVENTS, FANOUT))
    return nats_server.url


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real redis-server for all tests; those that stop it start their own."""
    with start_redis(Path(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    """Its address, with no key in it."""
    with BlockingRedis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    async with open_redis(redis_url) as client:
        yield client


@pytest.fixture
async def pipeline(redis_url: str) -> AsyncIterator[PipelinedRedis]:
    """The one connection of a service to an empty Redis, with more patience than a service has."""
    async with open_redis_pipeline(redis_url, at_most=timedelta(seconds=10)) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def cassandra_parts() -> CassandraParts:
    """Java and Cassandra's jars. A test that asks for them is skipped without them, or fails where CI is set."""
    return find_parts()


@pytest.fixture(scope="session")
def cassandra_server(tell: Callable[[str], None]) -> RunningCassandra:
    """One real Cassandra node for all tests; those that stop it start their own."""
    server = the_node()
    tell(f"Cassandra, one node, from an empty folder: ready after {server.took:.1f} s, {server.megabytes():.0f} MB")
    return server

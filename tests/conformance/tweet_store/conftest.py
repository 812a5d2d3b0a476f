"""Each test of this suite runs on every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from mesh.storage.cassandra import Cassandra
from tests.conformance.tweet_store.cases import BACKENDS, Open, Opened, open_cassandra
from tweet_svc.store import TweetStore


@pytest.fixture(params=BACKENDS)
def open_backend(request: pytest.FixtureRequest) -> Open:
    return BACKENDS[request.param]


@pytest_asyncio.fixture
async def opened(open_backend: Open, tmp_path: Path) -> AsyncIterator[Opened]:
    async with open_backend(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(opened: Opened) -> TweetStore:
    return opened.store


@pytest_asyncio.fixture
async def cassandra(tmp_path: Path) -> AsyncIterator[Cassandra]:
    """For what only Cassandra can do wrong."""
    async with open_cassandra(tmp_path) as opened:
        assert isinstance(opened.engine, Cassandra)
        yield opened.engine

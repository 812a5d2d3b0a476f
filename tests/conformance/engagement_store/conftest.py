"""Runs each suite on every backend; some tests are about Cassandra alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.clock import FrozenClock
from mesh.storage.cassandra import Cassandra
from tests.conformance.engagement_store.backends import BACKENDS, Backend
from tests.support.cassandra import open_keyspace


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
async def cassandra() -> AsyncIterator[Cassandra]:
    async with open_keyspace("engagement") as opened:
        yield opened


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()

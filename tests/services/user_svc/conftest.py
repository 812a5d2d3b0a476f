"""user_svc as it runs, beside a graph_svc and an engagement_svc that know some counts; no NATS, so events wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.clock import FrozenClock
from tests.services.user_svc.callers import Callers
from tests.services.user_svc.known_counts import KnownFollows, KnownTweetCounts, known_counts
from tests.support.running import a_mesh_config, running
from user_svc.app import open_service
from user_svc.config import UserConfig


@pytest.fixture
def follows() -> KnownFollows:
    return KnownFollows()


@pytest.fixture
def tweet_counts() -> KnownTweetCounts:
    return KnownTweetCounts()


@pytest.fixture
async def config(
    tmp_path: Path, redis_url: str, follows: KnownFollows, tweet_counts: KnownTweetCounts
) -> AsyncIterator[UserConfig]:
    async with known_counts(follows, tweet_counts) as neighbours:
        mesh = a_mesh_config(
            tmp_path,
            bus_url="nats://127.0.0.1:1",
            redis_url=redis_url,
            graph_target=neighbours.target,
            engagement_target=neighbours.target,
        )
        yield UserConfig(mesh)


@pytest.fixture
async def users(config: UserConfig) -> AsyncIterator[Callers]:
    async with open_service(config) as service, running(service) as user_svc:
        yield Callers(user_svc)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def users_in_frozen_time(tmp_path: Path, clock: FrozenClock) -> AsyncIterator[Callers]:
    # Without neighbours: their clocks would go on, and find our tokens expired.
    config = UserConfig(a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1"))
    async with open_service(config, clock=clock) as service, running(service, clock=clock) as user_svc:
        yield Callers(user_svc)

"""tweet_svc as it runs, beside a user_svc that knows three accounts and an engagement_svc; no NATS, so events wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.services.tweet_svc.callers import Callers
from tests.services.tweet_svc.known_engagement import KnownEngagement, known_engagement
from tests.support.known_users import KnownUsers, known_users
from tests.support.running import a_mesh_config, running
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig


@pytest.fixture
def engagement() -> KnownEngagement:
    return KnownEngagement()


@pytest.fixture
async def tweets(tmp_path: Path, redis_url: str, engagement: KnownEngagement) -> AsyncIterator[Callers]:
    users = KnownUsers(["ann", "bob", "cyd"])
    async with known_users(users) as user_svc, known_engagement(engagement) as engagement_svc:
        mesh = a_mesh_config(
            tmp_path,
            bus_url="nats://127.0.0.1:1",
            redis_url=redis_url,
            user_target=user_svc.target,
            engagement_target=engagement_svc.target,
        )
        async with open_service(TweetConfig(mesh)) as service, running(service) as tweet_svc:
            yield Callers(tweet_svc)

"""engagement_svc as it runs, beside a user_svc that knows three accounts and a tweet_svc that knows three tweets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engagement_svc.app import open_service
from engagement_svc.config import EngagementConfig
from tests.services.engagement_svc.callers import DELETED, TWEET, TWEET_2, Callers
from tests.services.engagement_svc.known_tweets import KnownTweets, known_tweets
from tests.support.known_users import KnownUsers, known_users
from tests.support.running import a_mesh_config, running


@pytest.fixture
def tweets() -> KnownTweets:
    return KnownTweets([TWEET, TWEET_2], deleted=[DELETED])


@pytest.fixture
async def engagement(tmp_path: Path, redis_url: str, tweets: KnownTweets) -> AsyncIterator[Callers]:
    async with known_users(KnownUsers(["ann", "bob", "cyd"])) as user_svc, known_tweets(tweets) as tweet_svc:
        mesh = a_mesh_config(
            tmp_path,
            bus_url="nats://127.0.0.1:1",
            redis_url=redis_url,
            user_target=user_svc.target,
            tweet_target=tweet_svc.target,
        )
        async with open_service(EngagementConfig(mesh)) as service, running(service) as engagement_svc:
            yield Callers(engagement_svc)

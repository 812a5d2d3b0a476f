"""GetLimits."""

from __future__ import annotations

from pathlib import Path

from aviary.tweet.v1.tweet_service_pb2 import GetLimitsRequest
from tests.services.tweet_svc.callers import Callers
from tests.support.running import a_mesh_config, running
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig


async def test_anybody_may_ask_for_the_limits(tweets: Callers) -> None:
    assert (await tweets.user(0).GetLimits(GetLimitsRequest())).tweet_max_length == 280


async def test_the_limit_told_is_the_setting(tmp_path: Path) -> None:
    config = TweetConfig(a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1"), tweet_max_length=140)
    async with open_service(config) as service, running(service) as tweet_svc:
        limits = await Callers(tweet_svc).user(0).GetLimits(GetLimitsRequest())
    assert limits.tweet_max_length == 140

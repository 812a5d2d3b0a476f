"""The service on Cassandra: the URL chooses, and its background work mends what others have left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import grpc
import pytest

from aviary.engagement.v1.engagement_service_pb2 import LikeTweetRequest, UnlikeTweetRequest
from engagement_svc.app import open_service
from engagement_svc.config import EngagementConfig
from mesh.clock import FrozenClock, SystemClock, from_us
from mesh.errors import Unavailable
from mesh.metrics import Metrics
from mesh.process import Service
from mesh.storage.cassandra import Cassandra
from tests.conformance.engagement_store.backends import cassandra_store
from tests.conformance.engagement_store.databases import DyingCassandra
from tests.services.engagement_svc.callers import ANN, BOB, TWEET, TWEET_2, Callers
from tests.services.engagement_svc.known_tweets import KnownTweets, known_tweets
from tests.support.cassandra import open_keyspace, store_urls
from tests.support.known_users import KnownUsers, known_users
from tests.support.running import a_mesh_config, running
from tests.support.wait_until import wait_until


@pytest.fixture
async def cassandra() -> AsyncIterator[Cassandra]:
    async with open_keyspace("engagement") as opened:
        yield opened


@pytest.fixture
async def on_cassandra(tmp_path: Path, redis_url: str, cassandra: Cassandra) -> AsyncIterator[Callers]:
    tweets = KnownTweets([TWEET, TWEET_2], deleted=[])
    async with known_users(KnownUsers(["ann", "bob"])) as user_svc, known_tweets(tweets) as tweet_svc:
        mesh = replace(
            a_mesh_config(
                tmp_path,
                bus_url="nats://127.0.0.1:1",
                redis_url=redis_url,
                user_target=user_svc.target,
                tweet_target=tweet_svc.target,
            ),
            store_url=store_urls()["engagement"],
        )
        async with open_service(EngagementConfig(mesh)) as service, running(service, role="all") as engagement_svc:
            # It connects in the background.
            await wait_until(partial(is_ready, service))
            yield Callers(engagement_svc)


@pytest.fixture
async def dead_process(cassandra: Cassandra) -> None:
    """Ann has liked the second tweet two minutes ago, and the process died before it counted that."""
    clock = FrozenClock(from_us(SystemClock().now_us()))
    clock.advance(-timedelta(minutes=2))
    # Its statements: the edge as stored, the slot, the mark, the edge.
    dying = cassandra_store(DyingCassandra(Metrics(), cassandra._session, after=4), clock)
    with pytest.raises(Unavailable):
        await dying.like(ANN, TWEET_2, new_edge_id=7, now_us=clock.now_us())


async def is_ready(service: Service) -> bool:
    try:
        await service.ready()
    except Unavailable:
        return False
    return True


async def test_likes_are_counted_in_the_answer(on_cassandra: Callers) -> None:
    async def has_liked() -> bool:
        try:
            await on_cassandra.like(TWEET, ANN)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return False
        return True

    # Until it has a lease for ids.
    await wait_until(has_liked)
    for user_id, count in ((ANN, 1), (BOB, 2), (BOB, 2)):
        answer = await on_cassandra.user(user_id).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
        assert answer.likes_count == count
    taken = await on_cassandra.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
    assert taken.likes_count == 1


async def test_what_a_dead_process_has_left_is_counted(
    cassandra: Cassandra, dead_process: None, on_cassandra: Callers
) -> None:
    store = cassandra_store(cassandra, SystemClock())

    async def likes_count() -> int:
        (found,) = await store.engagements([TWEET_2], viewer_id=0)
        return found.likes_count

    assert await likes_count() == 0
    await wait_until(likes_count, at_most=20)
    assert await store.drifts() == []

"""The own consumers: what the cache says follows what the store says, whatever the order of the events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aviary.events.v1.events_pb2 import Event, TweetCreated
from aviary.type.v1.tweet_pb2 import Tweet
from mesh.errors import Unavailable
from mesh.storage.redis import open_redis
from tests.conformance.tweet_store.cases import Opened, a_tweet, delete, insert, open_sqlite
from tests.services.tweet_svc.callers import ANN, Callers
from tests.support.running import a_mesh_config, running
from tests.support.wait_until import wait_until
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig
from tweet_svc.consumers.tweet_created import on_tweet_created
from tweet_svc.store import TweetStore
from views.cache import TOMBSTONE, BodyCache

TWEET = a_tweet(1)
CREATED = Event(event_id=TWEET.tweet_id, tweet_created=TweetCreated(tweet=Tweet(tweet_id=TWEET.tweet_id)))


class DeletedMeanwhile(BodyCache):
    """A cache whose write is overtaken by a delete, the row and the tombstone."""

    def __init__(self, redis: Redis, store: TweetStore) -> None:
        super().__init__(redis)
        self._store = store

    async def put_tweet(self, tweet: Tweet) -> None:
        await delete(self._store, TWEET)
        await self.bury_tweet(tweet.tweet_id)
        await super().put_tweet(tweet)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with open_sqlite(tmp_path) as opened:
        yield opened


async def cached(redis: Redis, tweet_id: int) -> object:
    return await redis.get(f"tweet:{tweet_id}")


async def test_the_service_keeps_the_cache_true_without_a_broker(tmp_path: Path, redis_url: str, redis: Redis) -> None:
    config = TweetConfig(a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1", redis_url=redis_url))
    async with open_service(config) as service, running(service, role="all") as tweet_svc:
        tweets = Callers(tweet_svc)
        tweet = await tweets.post(ANN, "hi @bob")

        async def is_cached() -> bool:
            return await cached(redis, tweet.tweet_id) is not None

        await wait_until(is_cached)
        found = await BodyCache(redis).tweets([tweet.tweet_id])
        assert found[tweet.tweet_id] == as_stored(tweet)
        assert await tweets.waiting_events() == [("created", tweet.tweet_id)]

        await tweets.delete(tweet)

        async def is_buried() -> bool:
            return await cached(redis, tweet.tweet_id) == TOMBSTONE

        await wait_until(is_buried)


def as_stored(tweet: Tweet) -> Tweet:
    stored = Tweet()
    stored.CopyFrom(tweet)
    stored.ClearField("counts")
    stored.ClearField("viewer")
    return stored


async def test_a_created_event_that_comes_after_the_delete_leaves_a_tombstone(opened: Opened, redis: Redis) -> None:
    await insert(opened.store, TWEET)
    await delete(opened.store, TWEET)
    await on_tweet_created(CREATED, store=opened.store, cache=BodyCache(redis))
    assert await cached(redis, TWEET.tweet_id) == TOMBSTONE


async def test_a_write_that_a_delete_overtook_is_buried_again(opened: Opened, redis: Redis) -> None:
    await insert(opened.store, TWEET)
    await on_tweet_created(CREATED, store=opened.store, cache=DeletedMeanwhile(redis, opened.store))
    assert await cached(redis, TWEET.tweet_id) == TOMBSTONE


async def test_an_event_of_a_tweet_that_is_not_there_writes_nothing(opened: Opened, redis: Redis) -> None:
    await on_tweet_created(CREATED, store=opened.store, cache=BodyCache(redis))
    assert await cached(redis, TWEET.tweet_id) is None


async def test_without_redis_the_event_fails_so_that_it_is_repeated(opened: Opened) -> None:
    await insert(opened.store, TWEET)
    async with open_redis("redis://127.0.0.1:1") as nobody:
        with pytest.raises(Unavailable):
            await on_tweet_created(CREATED, store=opened.store, cache=BodyCache(nobody))

"""The cache of bodies and accounts against a real Redis, and against none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from aviary.type.v1.tweet_pb2 import EngagementCounts, Tweet, ViewerState
from aviary.type.v1.user_pb2 import User, UserCounts
from mesh.clock import FrozenClock
from mesh.errors import Unavailable
from mesh.storage.redis import open_redis
from mesh.storage.redis_pipeline import open_redis_pipeline
from tests.support.free_ports import free_row
from views.cache import SKIP_SECONDS, TTL_SECONDS, BodyCache, RedisCommands

Opens = Callable[[str], AbstractAsyncContextManager[RedisCommands]]

OLD, NEW = Tweet(tweet_id=1, content="old"), Tweet(tweet_id=1, content="new")


@pytest.fixture(params=["redis-py", "pipelined"])
async def cache(request: pytest.FixtureRequest, redis: Redis, redis_url: str) -> AsyncIterator[BodyCache]:
    """Over either client."""
    if request.param == "redis-py":
        yield BodyCache(redis)
        return
    async with open_redis_pipeline(redis_url) as pipelined:
        yield BodyCache(pipelined)


async def test_what_was_filled_is_found_and_nothing_else_is(cache: BodyCache) -> None:
    await cache.fill_tweets({1: OLD, 2: None})
    await cache.fill_users([User(user_id=1, username="ada")])
    assert await cache.tweets([1, 2, 3]) == {1: OLD, 2: None}
    assert await cache.users([1, 2]) == {1: User(user_id=1, username="ada")}


async def test_a_reader_never_overwrites_what_is_there(cache: BodyCache) -> None:
    await cache.put_tweet(NEW)
    await cache.fill_tweets({1: OLD})
    assert await cache.tweets([1]) == {1: NEW}
    await cache.put_user(User(user_id=1, display_name="new"))
    await cache.fill_users([User(user_id=1, display_name="old")])
    assert (await cache.users([1]))[1].display_name == "new"


async def test_a_slow_reader_does_not_bring_back_a_deleted_tweet(cache: BodyCache) -> None:
    await cache.bury_tweet(1)
    await cache.fill_tweets({1: OLD})
    assert await cache.tweets([1]) == {1: None}


async def test_the_owner_overwrites_what_is_there(cache: BodyCache) -> None:
    await cache.fill_tweets({1: OLD, 2: None})
    await cache.put_tweet(NEW)
    await cache.bury_tweet(1)
    assert await cache.tweets([1]) == {1: None}
    await cache.put_tweet(NEW)
    assert await cache.tweets([1]) == {1: NEW}


async def test_every_value_expires(cache: BodyCache, redis: Redis) -> None:
    await cache.fill_tweets({1: OLD, 2: None})
    await cache.put_tweet(Tweet(tweet_id=3))
    await cache.bury_tweet(4)
    await cache.fill_users([User(user_id=1)])
    await cache.put_user(User(user_id=2))
    keys = await redis.keys()
    assert len(keys) == 6
    for key in keys:
        assert 0 < await redis.ttl(key) <= TTL_SECONDS


async def test_counts_and_viewer_state_are_not_kept_and_stay_on_the_message(cache: BodyCache) -> None:
    tweet = Tweet(tweet_id=1, counts=EngagementCounts(likes_count=3), viewer=ViewerState(liked=True))
    user = User(user_id=1, counts=UserCounts(followers_count=3))
    await cache.fill_tweets({1: tweet})
    await cache.put_user(user)
    assert await cache.tweets([1]) == {1: Tweet(tweet_id=1)}
    assert await cache.users([1]) == {1: User(user_id=1)}
    assert tweet.counts.likes_count == 3
    assert user.counts.followers_count == 3


async def test_bytes_that_are_no_tweet_count_as_not_cached(cache: BodyCache, redis: Redis) -> None:
    await redis.set("tweet:1", b"\xff\xff")
    await redis.set("user:1", b"\xff\xff")
    assert await cache.tweets([1]) == {}
    assert await cache.users([1]) == {}


async def test_a_page_is_read_in_one_command(cache: BodyCache, redis: Redis) -> None:
    await cache.fill_tweets({id_: Tweet(tweet_id=id_) for id_ in range(1, 201)})
    await redis.config_resetstat()
    assert len(await cache.tweets(range(1, 201))) == 200
    statistics = await redis.info("commandstats")
    assert statistics["cmdstat_mget"]["calls"] == 1
    assert "cmdstat_get" not in statistics


@pytest.mark.parametrize("opened", [open_redis, open_redis_pipeline])
async def test_while_redis_is_away_reads_find_nothing_and_fills_are_dropped(opened: Opens) -> None:
    async with opened(f"redis://127.0.0.1:{free_row(1)}") as nobody:
        cache = BodyCache(nobody)
        assert await cache.tweets([1]) == {}
        assert await cache.users([1]) == {}
        await cache.fill_tweets({1: OLD})
        await cache.fill_users([User(user_id=1)])


@pytest.mark.parametrize("opened", [open_redis, open_redis_pipeline])
async def test_while_redis_is_away_the_owners_overwrites_fail_so_that_they_are_repeated(opened: Opens) -> None:
    async with opened(f"redis://127.0.0.1:{free_row(1)}") as nobody:
        cache = BodyCache(nobody)
        with pytest.raises(Unavailable):
            await cache.put_tweet(NEW)
        with pytest.raises(Unavailable):
            await cache.bury_tweet(1)
        with pytest.raises(Unavailable):
            await cache.put_user(User(user_id=1))


async def test_after_a_failure_redis_is_not_asked_for_a_second(redis: Redis) -> None:
    clock = FrozenClock()
    cache = BodyCache(redis, clock=clock)
    await cache.put_tweet(NEW)
    await redis.config_set("maxmemory", "1")
    try:
        await cache.fill_tweets({2: Tweet(tweet_id=2)})  # refused for want of memory
    finally:
        await redis.config_set("maxmemory", "0")
    assert await cache.tweets([1]) == {}
    clock.advance(timedelta(seconds=SKIP_SECONDS))
    assert await cache.tweets([1]) == {1: NEW}

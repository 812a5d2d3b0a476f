"""Timelines may vanish at any moment, and Redis with them: answers stay the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from tests.services.timeline_svc.conftest import Home, ids_of
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.world import World
from tests.support.running import running
from timeline_svc.app import open_service
from timeline_svc.config import TimelineConfig
from timeline_svc.model import AuthorClass
from views.cache import BodyCache

ANN, BOB, CYD, STAR = 101, 102, 103, 201


@pytest.fixture
def crowd(world: World) -> World:
    """ANN follows two authors who are pushed and one who is pulled; all have posted."""
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, BOB, CYD, STAR)
    for author in (BOB, CYD, STAR, ANN) * 12:
        world.post(author)
    return world


@pytest.fixture
async def home_without_redis(config: TimelineConfig, redis: Redis, world: World) -> AsyncIterator[Home]:
    away = replace(config, mesh=replace(config.mesh, redis_url="redis://127.0.0.1:1/0"))
    async with open_service(away) as service, running(service) as server:
        yield Home(server, world, BodyCache(redis))


async def test_a_flush_between_any_two_pages_changes_no_page(home: Home, crowd: World, redis: Redis) -> None:
    walked: list[int] = []
    token = ""
    while True:
        page = await home.read(ANN, page_size=7, page_token=token)
        walked += ids_of(page)
        token = page.next_page_token
        if not token:
            break
        await redis.flushall()
    assert walked == crowd.home(ANN)


async def test_flushes_while_many_read_change_no_page(home: Home, crowd: World, redis: Redis) -> None:
    async def flush() -> None:
        for _ in range(15):
            await redis.flushall()
            await asyncio.sleep(0)

    async def read() -> None:
        for _ in range(5):
            assert await home.walk(ANN, page_size=20) == crowd.home(ANN)

    await asyncio.gather(flush(), read(), read(), read())


async def test_evicted_keys_change_no_page(home: Home, crowd: World, redis: Redis) -> None:
    chance = random.Random(7)
    for _ in range(10):
        assert await home.walk(ANN, page_size=9) == crowd.home(ANN)
        keys = await redis.keys()
        await redis.delete(*chance.sample(keys, k=len(keys) // 3 + 1))


async def test_readers_of_one_absent_timeline_share_one_build(home: Home, crowd: World, traffic: Traffic) -> None:
    pages = await asyncio.gather(*(home.ids(ANN, page_size=50) for _ in range(20)))
    assert all(page == crowd.home(ANN)[:50] for page in pages)
    assert traffic.calls["ListFolloweeIds"] == 1


async def test_without_redis_every_page_is_made_by_pull(home_without_redis: Home, crowd: World) -> None:
    page = await home_without_redis.read(ANN, page_size=10)
    assert ids_of(page) == crowd.home(ANN)[:10]
    assert not page.degraded
    assert await home_without_redis.walk(ANN, page_size=10) == crowd.home(ANN)


async def test_a_tweet_posted_between_two_pages_does_not_shift_them(home: Home, crowd: World) -> None:
    expected = crowd.home(ANN)
    walked: list[int] = []
    token = ""
    while True:
        page = await home.read(ANN, page_size=7, page_token=token)
        walked += ids_of(page)
        token = page.next_page_token
        crowd.post(BOB)
        crowd.post(STAR)
        if not token:
            break
    assert walked == expected

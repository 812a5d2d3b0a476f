"""What a page goes without when something behind is away, and what it cannot go without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
from redis.asyncio import Redis

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from aviary.type.v1 import tweet_pb2
from mesh.clock import Clock, SystemClock
from tests.services.timeline_svc.conftest import Home, ids_of
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.world import World
from tests.support.running import issue_user_token, running
from timeline_svc.app import open_service
from timeline_svc.config import TimelineConfig
from timeline_svc.model import AuthorClass
from views.cache import BodyCache

ANN, BOB, CYD, STAR = 101, 102, 103, 201


class LeapingClock(Clock):
    """The machine's clocks, some time ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._clock = SystemClock()

    def now_us(self) -> int:
        return self._clock.now_us()

    def monotonic(self) -> float:
        return self._clock.monotonic() + self.ahead.total_seconds()


@pytest.fixture
def clock() -> LeapingClock:
    return LeapingClock()


@pytest.fixture
async def home(config: TimelineConfig, world: World, redis: Redis, clock: LeapingClock) -> AsyncIterator[Home]:
    async with open_service(config, clock=clock) as service, running(service) as server:
        yield Home(server, world, BodyCache(redis))


async def is_unavailable(home: Home, viewer_id: int) -> bool:
    try:
        await home.read(viewer_id)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


async def test_without_the_graph_the_follows_of_a_moment_ago_are_used_and_said(
    home: Home, world: World, traffic: Traffic
) -> None:
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, BOB, CYD, STAR)
    for author in (BOB, CYD, STAR) * 3:
        world.post(author)
    await home.read(ANN)
    world.unfollow(ANN, CYD)
    await home.read(ANN)
    traffic.down.add("graph.GetReadContext")
    page = await home.read(ANN)
    assert ids_of(page) == world.home(ANN)
    assert list(page.degraded) == [tweet_pb2.DEGRADED_PART_STALE_CONTEXT]
    traffic.down.clear()
    assert not (await home.read(ANN)).degraded


async def test_follows_older_than_a_minute_are_not_used(
    home: Home, world: World, traffic: Traffic, clock: LeapingClock
) -> None:
    world.follow(ANN, BOB)
    world.post(BOB)
    await home.read(ANN)
    traffic.down.add("graph.GetReadContext")
    clock.ahead = timedelta(seconds=59)
    assert not await is_unavailable(home, ANN)
    clock.ahead = timedelta(seconds=62)
    assert await is_unavailable(home, ANN)


async def test_without_any_graph_a_new_viewer_is_told_to_come_back(home: Home, world: World, traffic: Traffic) -> None:
    world.follow(ANN, BOB)
    world.post(BOB)
    traffic.down.add("graph")
    assert await is_unavailable(home, ANN)


async def test_counts_and_viewer_states_are_left_out_when_they_cannot_be_had(
    home: Home, world: World, traffic: Traffic
) -> None:
    world.post(ANN)
    traffic.down.add("engagement")
    page = await home.read(ANN)
    assert ids_of(page) == world.home(ANN)
    assert list(page.degraded) == [tweet_pb2.DEGRADED_PART_COUNTS, tweet_pb2.DEGRADED_PART_VIEWER_STATE]
    assert not page.items[0].tweet.HasField("counts")


async def test_authors_are_left_out_when_they_cannot_be_had(home: Home, world: World, traffic: Traffic) -> None:
    world.post(ANN)
    traffic.down.add("user")
    stub = TimelineServiceStub(home.channel(issue_user_token(ANN)))
    page = await stub.ListHomeTimeline(pb.ListHomeTimelineRequest(expansions=[tweet_pb2.EXPANSION_AUTHOR]))
    assert ids_of(page) == world.home(ANN)
    assert list(page.degraded) == [tweet_pb2.DEGRADED_PART_AUTHORS]


async def test_there_is_no_page_without_the_tweets(home: Home, world: World, traffic: Traffic) -> None:
    world.post(ANN)
    traffic.down.add("tweet")
    assert await is_unavailable(home, ANN)


async def test_a_tweet_that_is_not_visible_yet_is_left_out_and_kept(home: Home, world: World, redis: Redis) -> None:
    old, new = world.post(ANN), world.post(ANN)
    await home.read(ANN)
    hidden = world.authors.pop(old)
    await redis.delete(f"tweet:{old}")
    assert await home.ids(ANN) == [new]
    world.authors[old] = hidden
    assert await home.ids(ANN) == [new, old]

"""A timeline service with a real Redis, its neighbours played from one World."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from redis.asyncio import Redis

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from mesh.clock import SystemClock
from mesh.events.nats import open_bus
from mesh.storage.redis_pipeline import PipelinedRedis
from tests.services.timeline_svc.neighbours import Traffic, neighbours
from tests.services.timeline_svc.owners import Owners
from tests.services.timeline_svc.world import World
from tests.support.running import RunningService, a_mesh_config, issue_user_token, running
from timeline_svc.app import open_service
from timeline_svc.config import TimelineConfig
from timeline_svc.model import TimelineLimits
from timeline_svc.store import TimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, author_key, home_keys, script_texts
from views.cache import BodyCache

PASSES = 200


@dataclass(frozen=True)
class Home:
    """Reads timelines as their owners do, through the service's own door."""

    service: RunningService
    world: World
    cache: BodyCache

    async def delete(self, tweet_id: int) -> None:
        """Delete a tweet as its owner does: then the cache holds its tombstone."""
        self.world.deleted.add(tweet_id)
        await self.cache.bury_tweet(tweet_id)

    def channel(self, token: str) -> grpc.aio.Channel:
        return self.service.channel(token)

    async def read(
        self, viewer_id: int, *, page_size: int = 0, page_token: str = "", since_id: int = 0, user_id: int = 0
    ) -> pb.ListHomeTimelineResponse:
        stub = TimelineServiceStub(self.service.channel(issue_user_token(viewer_id)))
        request = pb.ListHomeTimelineRequest(
            page_size=page_size, page_token=page_token, since_id=since_id, user_id=user_id
        )
        response: pb.ListHomeTimelineResponse = await stub.ListHomeTimeline(request)
        return response

    async def ids(self, viewer_id: int, *, page_size: int = 0, since_id: int = 0) -> list[int]:
        """The first page."""
        return ids_of(await self.read(viewer_id, page_size=page_size, since_id=since_id))

    async def walk(self, viewer_id: int, *, page_size: int, since_id: int = 0) -> list[int]:
        """All pages to the end; each but the last has a token and at least one item."""
        walked: list[int] = []
        token = ""
        for _ in range(PASSES):
            page = await self.read(viewer_id, page_size=page_size, page_token=token, since_id=since_id)
            walked += ids_of(page)
            token = page.next_page_token
            if not token:
                return walked
            assert page.items
        raise AssertionError(f"no end after {PASSES} pages")


def ids_of(response: pb.ListHomeTimelineResponse) -> list[int]:
    assert [item.sort_id for item in response.items] == [item.tweet.tweet_id for item in response.items]
    return [item.sort_id for item in response.items]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def homes(pipeline: PipelinedRedis) -> TimelineStore:
    """The home timelines that the service keeps."""
    return RedisTimelineStore(
        pipeline, key_of=home_keys(16), scripts=Scripts(script_texts()), limits=TimelineLimits(), clock=SystemClock()
    )


@pytest.fixture
def lists(pipeline: PipelinedRedis) -> TimelineStore:
    """The lists of authors that the service keeps."""
    return RedisTimelineStore(
        pipeline, key_of=author_key, scripts=Scripts(script_texts()), limits=TimelineLimits(), clock=SystemClock()
    )


@pytest.fixture
async def config(tmp_path: Path, redis_url: str, world: World, traffic: Traffic) -> AsyncIterator[TimelineConfig]:
    """Of a service whose neighbours are there, and NATS is not."""
    async with running(neighbours(world, traffic)) as others:
        target = others.target
        mesh = a_mesh_config(
            tmp_path,
            bus_url="nats://127.0.0.1:1",
            redis_url=redis_url,
            user_target=target,
            tweet_target=target,
            graph_target=target,
            engagement_target=target,
        )
        yield TimelineConfig(mesh=mesh)


@pytest.fixture
async def home(config: TimelineConfig, world: World, redis: Redis) -> AsyncIterator[Home]:
    """The role `serve`."""
    async with open_service(config) as service, running(service) as server:
        yield Home(server, world, BodyCache(redis))


@pytest.fixture
async def owners(nats_url: str, world: World) -> AsyncIterator[Owners]:
    async with open_bus(nats_url, name="owners") as bus:
        owners = Owners(bus, world)
        await owners.listen()
        yield owners


@pytest.fixture
async def worker(config: TimelineConfig, nats_url: str) -> AsyncIterator[None]:
    """The role `work`."""
    at_work = replace(config, mesh=replace(config.mesh, bus_url=nats_url))
    async with open_service(at_work) as service, running(service, role="work"):
        yield

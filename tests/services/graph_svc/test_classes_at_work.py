"""The whole way of an author through its classes, with the workers running on a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from aviary.events.v1 import events_pb2
from aviary.graph.internal.v1.graph_internal_service_pb2 import BatchGetGraphCountsRequest, GetReadContextRequest
from aviary.graph.v1.graph_service_pb2 import UnfollowUserRequest
from graph_svc.app import open_service
from graph_svc.config import GraphConfig
from mesh.background import background
from mesh.clock import SystemClock
from mesh.events.consume import Consumer, Outcome
from mesh.events.nats import open_bus
from tests.services.graph_svc.callers import ANN, BOB, CYD, DAN, EVE, Callers
from tests.support.cassandra import open_keyspace, store_urls
from tests.support.known_users import KnownUsers, known_users
from tests.support.running import a_mesh_config, running
from tests.support.wait_until import wait_until


@asynccontextmanager
async def sqlite_url(folder: Path) -> AsyncIterator[str]:
    yield f"sqlite://{folder}"


@asynccontextmanager
async def cassandra_url(_folder: Path) -> AsyncIterator[str]:
    async with open_keyspace("graph"):
        yield store_urls()["graph"]


@pytest.fixture(params=[sqlite_url, cassandra_url])
async def graph(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, nats_url: str
) -> AsyncIterator[Callers]:
    """The service with its loops, pulling from three followers on and pushing from one back."""
    async with request.param(tmp_path) as url, known_users(KnownUsers(["ann", "bob", "cyd", "dan", "eve"])) as user_svc:
        mesh = a_mesh_config(tmp_path, redis_url=redis_url, bus_url=nats_url, user_target=user_svc.target)
        mesh = replace(mesh, store_url=url)
        config = GraphConfig(mesh, pull_threshold=3, pull_back=1, both_for=timedelta(seconds=0.1))
        async with open_service(config) as service, running(service, role="all") as graph_svc:
            callers = Callers(graph_svc)
            await wait_until(lambda: can_follow(callers))
            yield callers


async def can_follow(graph: Callers) -> bool:
    """It is connected, its tables are there, and it has a lease for ids."""
    try:
        await graph.follow(DAN, ANN)
    except grpc.aio.AioRpcError:
        return False
    return True


async def author_class(graph: Callers, user_id: int) -> events_pb2.AuthorClass.ValueType:
    answer = await graph.service().BatchGetGraphCounts(BatchGetGraphCountsRequest(user_ids=[user_id]))
    return answer.counts[user_id].author_class


async def pulled(graph: Callers, viewer_id: int) -> list[int]:
    answer = await graph.service().GetReadContext(GetReadContextRequest(viewer_user_id=viewer_id))
    return list(answer.pull_author_ids)


async def test_an_author_is_pulled_at_the_threshold_and_pushed_again_after_the_confirmation(
    graph: Callers, nats_url: str
) -> None:
    for follower_id in (ANN, BOB, CYD):
        await graph.follow(follower_id, EVE)

    async def is_pulled() -> bool:
        return await author_class(graph, EVE) == events_pb2.AUTHOR_CLASS_PULL

    await wait_until(is_pulled)
    assert [await pulled(graph, viewer_id) for viewer_id in (ANN, BOB, CYD)] == [[EVE]] * 3
    request = GetReadContextRequest(viewer_user_id=ANN, authors_only=True)
    assert not (await graph.service().GetReadContext(request)).pull_author_ids

    for follower_id in (ANN, BOB):
        await graph.user(follower_id).UnfollowUser(UnfollowUserRequest(user_id=EVE))

    async def is_both() -> bool:
        return await author_class(graph, EVE) == events_pb2.AUTHOR_CLASS_BOTH

    await wait_until(is_both)
    assert await pulled(graph, CYD) == [EVE]
    assert "author_class_changed" in await graph.waiting_events()

    seen: list[events_pb2.AuthorClassChanged] = []

    async def push_the_newest(event: events_pb2.Event) -> Outcome:
        seen.append(event.author_class_changed)
        return Outcome.DONE

    async def is_pushed() -> bool:
        return await author_class(graph, EVE) == events_pb2.AUTHOR_CLASS_PUSH and not await pulled(graph, CYD)

    async with open_bus(nats_url, name="timeline_svc") as bus:
        events = {"author_class_changed": push_the_newest}
        timeline = Consumer(bus, group="timeline", events=events, clock=SystemClock())
        async with background(timeline.run(), name="timeline"):
            await wait_until(is_pushed)
    assert seen[0].next_author_class == events_pb2.AUTHOR_CLASS_PUSH

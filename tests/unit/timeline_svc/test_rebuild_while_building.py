"""An operator's rebuild that meets a build under way, whose sources were read before the timeline was dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from prometheus_client import CollectorRegistry

from aviary.timeline.internal.v1.timeline_internal_service_pb2 import RebuildTimelineRequest
from mesh.clock import SystemClock
from mesh.errors import Unavailable
from tests.support.wait_until import wait_until
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.handlers.rebuild_timeline import rebuild_timeline
from timeline_svc.home.errands import open_errands
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import Audience, AuthorClass, Followee, FollowerPage, Status, TimelineLimits
from timeline_svc.store.memory import MemoryTimelineStore

OWNER, TWEET = 7, 2_000_000_000_000_000_000


class SlowGraph(Graph):
    """Says whom a user follows once `opened` is set."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.opened = asyncio.Event()

    async def followees(self, user_id: int) -> list[Followee]:
        self.asked.set()
        await self.opened.wait()
        return []

    async def audience(self, author_id: int) -> Audience:
        return Audience(AuthorClass.PUSH)

    async def followers(self, author_id: int, *, after_edge_id: int) -> FollowerPage:
        return FollowerPage(())

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        return False


class OneTweet(AuthorTweets):
    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        return {OWNER: [TWEET]}


async def test_a_rebuild_is_not_said_to_be_made_when_the_build_it_joined_was_dropped() -> None:
    limits = TimelineLimits()
    store, graph = MemoryTimelineStore(limits=limits, clock=SystemClock()), SlowGraph()
    request = RebuildTimelineRequest(user_id=OWNER)
    async with open_errands() as errands, asyncio.TaskGroup() as tasks:
        metrics = TimelineMetrics(CollectorRegistry())
        rebuilder = Rebuilder(store, graph, OneTweet(), errands, metrics, limits.capacity)
        reader = tasks.create_task(rebuilder.build(OWNER))
        await graph.asked.wait()

        async def rebuild() -> None:
            with pytest.raises(Unavailable):
                await rebuild_timeline(request, rebuilder=rebuilder)

        operator = tasks.create_task(rebuild())

        async def is_dropped() -> bool:
            return (await store.state(OWNER)).status is Status.ABSENT

        await wait_until(is_dropped, at_most=2)
        graph.opened.set()
        await operator
        assert await reader is not None
        answer = await rebuild_timeline(request, rebuilder=rebuilder)
        assert answer.entries_count == 1
        assert (await store.state(OWNER)).status is Status.READY

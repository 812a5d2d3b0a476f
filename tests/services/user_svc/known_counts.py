"""A graph_svc and an engagement_svc that know counts of every account, and who follows whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aviary.engagement.internal.v1 import engagement_internal_service_pb2 as engagement
from aviary.engagement.internal.v1 import engagement_internal_service_pb2_grpc as engagement_grpc
from aviary.graph.internal.v1 import graph_internal_service_pb2 as graph
from aviary.graph.internal.v1 import graph_internal_service_pb2_grpc as graph_grpc
from aviary.type.v1.user_pb2 import Relationship
from mesh.errors import Unavailable
from mesh.process import Served, Service
from tests.support.running import RunningService, running


class KnownFollows(graph_grpc.GraphInternalServiceServicer):
    """Five followers and two followees for everybody; every viewer follows everybody."""

    def __init__(self) -> None:
        self.is_down = False
        self.calls: list[str] = []

    async def BatchGetGraphCounts(
        self, request: graph.BatchGetGraphCountsRequest, context: object
    ) -> graph.BatchGetGraphCountsResponse:
        self._take("BatchGetGraphCounts")
        counts = graph.GraphCounts(followers_count=5, following_count=2)
        return graph.BatchGetGraphCountsResponse(counts=dict.fromkeys(request.user_ids, counts))

    async def GetReadContext(
        self, request: graph.GetReadContextRequest, context: object
    ) -> graph.GetReadContextResponse:
        self._take("GetReadContext")
        assert request.authors_only
        return graph.GetReadContextResponse(
            relationships=[Relationship(user_id=user_id, following=True) for user_id in request.author_user_ids]
        )

    async def ListFollowerIds(
        self, request: graph.ListFollowerIdsRequest, context: object
    ) -> graph.ListFollowerIdsResponse:
        raise AssertionError("nobody asks for this here")

    async def ListFolloweeIds(
        self, request: graph.ListFolloweeIdsRequest, context: object
    ) -> graph.ListFolloweeIdsResponse:
        raise AssertionError("nobody asks for this here")

    def _take(self, method: str) -> None:
        self.calls.append(method)
        if self.is_down:
            raise Unavailable.backend("graph_svc")


class KnownTweetCounts(engagement_grpc.EngagementInternalServiceServicer):
    """Seven tweets of everybody."""

    def __init__(self) -> None:
        self.is_down = False

    async def BatchGetTweetCounts(
        self, request: engagement.BatchGetTweetCountsRequest, context: object
    ) -> engagement.BatchGetTweetCountsResponse:
        if self.is_down:
            raise Unavailable.backend("engagement_svc")
        return engagement.BatchGetTweetCountsResponse(tweets_counts=dict.fromkeys(request.user_ids, 7))

    async def BatchGetEngagement(
        self, request: engagement.BatchGetEngagementRequest, context: object
    ) -> engagement.BatchGetEngagementResponse:
        raise AssertionError("nobody asks for this here")


@asynccontextmanager
async def known_counts(follows: KnownFollows, tweets: KnownTweetCounts) -> AsyncIterator[RunningService]:
    """Both behind the real chain, on one port."""

    async def ready() -> None:
        return

    served = [
        Served(graph.DESCRIPTOR.services_by_name["GraphInternalService"], follows),
        Served(engagement.DESCRIPTOR.services_by_name["EngagementInternalService"], tweets),
    ]
    async with running(Service("neighbours", served, work=[], ready=ready)) as service:
        yield service

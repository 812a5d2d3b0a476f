"""An engagement_svc that knows every tweet has three likes, and the viewer gave one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aviary.engagement.internal.v1 import engagement_internal_service_pb2 as internal
from aviary.engagement.internal.v1 import engagement_internal_service_pb2_grpc as internal_grpc
from aviary.type.v1.tweet_pb2 import EngagementCounts, ViewerState
from mesh.errors import Unavailable
from mesh.process import Served, Service
from tests.support.running import RunningService, running


class KnownEngagement(internal_grpc.EngagementInternalServiceServicer):
    """Answers BatchGetEngagement, counts the calls, and is away while `is_down`."""

    def __init__(self) -> None:
        self.is_down = False
        self.calls = 0

    async def BatchGetEngagement(
        self, request: internal.BatchGetEngagementRequest, context: object
    ) -> internal.BatchGetEngagementResponse:
        self.calls += 1
        if self.is_down:
            raise Unavailable.backend("engagement_svc")
        viewer = ViewerState(liked=True) if request.viewer_user_id else None
        engagement = internal.TweetEngagement(counts=EngagementCounts(likes_count=3), viewer=viewer)
        return internal.BatchGetEngagementResponse(engagements=dict.fromkeys(request.tweet_ids, engagement))

    async def BatchGetTweetCounts(
        self, request: internal.BatchGetTweetCountsRequest, context: object
    ) -> internal.BatchGetTweetCountsResponse:
        raise AssertionError("nobody asks for this here")


@asynccontextmanager
async def known_engagement(engagement: KnownEngagement) -> AsyncIterator[RunningService]:
    """The servicer behind the real chain, on a port of its own."""

    async def ready() -> None:
        return

    descriptor = internal.DESCRIPTOR.services_by_name["EngagementInternalService"]
    async with running(Service("engagement_svc", [Served(descriptor, engagement)], work=[], ready=ready)) as service:
        yield service

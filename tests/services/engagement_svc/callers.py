"""Stubs of engagement_svc for whoever calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceStub
from aviary.engagement.v1.engagement_service_pb2 import LikeTweetRequest
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceStub
from tests.support.running import RunningService, issue_service_token, issue_user_token

if TYPE_CHECKING:  # the typed stubs are known to type checkers only
    from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceAsyncStub
    from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceAsyncStub

ANN, BOB, CYD = 1_001, 1_002, 1_003
TWEET, TWEET_2, DELETED, UNKNOWN = 2_001, 2_002, 2_003, 2_004


class Callers:
    """Who calls engagement_svc in a test."""

    def __init__(self, running: RunningService) -> None:
        self._running = running

    def user(self, user_id: int) -> EngagementServiceAsyncStub:
        """The public service, called by a user; 0 is anonymous."""
        return EngagementServiceStub(self._running.channel(issue_user_token(user_id) if user_id else ""))

    def service(self, name: str = "timeline_svc") -> EngagementInternalServiceAsyncStub:
        """The internal service, called by another service."""
        return EngagementInternalServiceStub(self._running.channel(issue_service_token(name)))

    def user_on_internal(self, user_id: int) -> EngagementInternalServiceAsyncStub:
        """The internal service, called by a user, who may not."""
        return EngagementInternalServiceStub(self._running.channel(issue_user_token(user_id)))

    async def like(self, tweet_id: int, *user_ids: int) -> None:
        """Let users like a tweet, in that order."""
        for user_id in user_ids:
            await self.user(user_id).LikeTweet(LikeTweetRequest(tweet_id=tweet_id))

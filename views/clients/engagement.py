"""Counts and what a viewer did, of many tweets at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import BatchGetEngagementRequest, TweetEngagement

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceAsyncStub


class Engagements(Protocol):
    """Counts and viewer state, which change too often to be cached."""

    async def get_many(self, tweet_ids: Sequence[int], *, viewer_id: int) -> Mapping[int, TweetEngagement]:
        """By tweet, of at most 1,000; viewer_id 0 is anonymous and gets no viewer state. Raises Unavailable."""
        ...


class RemoteEngagements(Engagements):
    """Asks engagement_svc, once."""

    def __init__(self, stub: EngagementInternalServiceAsyncStub) -> None:
        self._stub = stub

    async def get_many(self, tweet_ids: Sequence[int], *, viewer_id: int) -> Mapping[int, TweetEngagement]:
        request = BatchGetEngagementRequest(tweet_ids=tweet_ids, viewer_user_id=viewer_id)
        answer = await self._stub.BatchGetEngagement(request)
        return answer.engagements

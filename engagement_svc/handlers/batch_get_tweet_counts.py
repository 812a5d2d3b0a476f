"""How many tweets each of many authors has."""

from __future__ import annotations

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import (
    BatchGetTweetCountsRequest,
    BatchGetTweetCountsResponse,
)
from engagement_svc.store import EngagementStore


async def batch_get_tweet_counts(
    request: BatchGetTweetCountsRequest, *, store: EngagementStore
) -> BatchGetTweetCountsResponse:
    """Of every author asked: one that never posted has zero, and it is known."""
    return BatchGetTweetCountsResponse(tweets_counts=await store.tweets_counts(request.user_ids))

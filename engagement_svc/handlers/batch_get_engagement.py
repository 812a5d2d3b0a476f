"""Counts and viewer state of many tweets. On the path of every page: one look-up by key for all of them."""

from __future__ import annotations

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import (
    BatchGetEngagementRequest,
    BatchGetEngagementResponse,
)
from engagement_svc.convert import set_engagement
from engagement_svc.store import EngagementStore


async def batch_get_engagement(
    request: BatchGetEngagementRequest, *, store: EngagementStore
) -> BatchGetEngagementResponse:
    """Of every tweet asked: one that nobody touched has zeros, and they are known."""
    viewer_id = request.viewer_user_id
    answer = BatchGetEngagementResponse()
    for engagement in await store.engagements(request.tweet_ids, viewer_id=viewer_id):
        set_engagement(answer.engagements[engagement.tweet_id], engagement, viewer_id=viewer_id)
    return answer

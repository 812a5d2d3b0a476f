"""Likes and counts as messages."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1.tweet_pb2 import EngagementCounts, ViewerState
from engagement_svc.model import Engagement


def to_timestamp(at_us: int) -> Timestamp:
    """Microseconds since 1970 as a Timestamp."""
    timestamp = Timestamp()
    timestamp.FromMicroseconds(at_us)
    return timestamp


def to_message(engagement: Engagement, *, viewer_id: int) -> TweetEngagement:
    """Counts, zeros too, and the viewer's state unless the viewer is anonymous."""
    return TweetEngagement(
        counts=EngagementCounts(likes_count=engagement.likes_count, replies_count=engagement.replies_count),
        viewer=ViewerState(liked=engagement.is_liked) if viewer_id else None,
    )

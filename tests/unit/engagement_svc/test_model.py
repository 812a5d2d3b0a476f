"""Likes keep their beginning, and counts become messages that say what is known."""

from __future__ import annotations

import pytest

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1.tweet_pb2 import EngagementCounts, ViewerState
from engagement_svc.convert import set_engagement, to_timestamp
from engagement_svc.model import Engagement, LikeEdge, TweetNotFound

EDGE = LikeEdge(1_001, 2_001, 7, created_us=100, op_time_us=200, is_live=True)


@pytest.mark.parametrize(("now_us", "op_time_us"), [(300, 300), (201, 201), (200, 201), (5, 201)])
def test_a_change_is_later_than_the_one_before_whatever_the_clock_says(now_us: int, op_time_us: int) -> None:
    assert EDGE.changed(is_live=False, now_us=now_us) == LikeEdge(1_001, 2_001, 7, 100, op_time_us, is_live=False)


def test_zeros_are_known() -> None:
    message = TweetEngagement()
    set_engagement(message, Engagement(2_001, 0, 0, is_liked=False), viewer_id=1_001)
    assert message == TweetEngagement(counts=EngagementCounts(), viewer=ViewerState())
    assert message.HasField("counts")
    assert message.HasField("viewer")


def test_an_anonymous_viewer_has_no_state() -> None:
    message = TweetEngagement()
    set_engagement(message, Engagement(2_001, 3, 2, is_liked=False), viewer_id=0)
    assert message == TweetEngagement(counts=EngagementCounts(likes_count=3, replies_count=2))
    assert not message.HasField("viewer")


def test_times_keep_their_microseconds() -> None:
    assert to_timestamp(1_800_000_000_123_456).ToJsonString() == "2027-01-15T08:00:00.123456Z"


def test_an_unknown_tweet_is_named() -> None:
    error = TweetNotFound(5)
    assert (error.reason, error.metadata) == ("TWEET_NOT_FOUND", {"tweet_id": "5"})

"""What is set on the messages of an answer, and what is said to be missing."""

from __future__ import annotations

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1.tweet_pb2 import (
    DEGRADED_PART_COUNTS,
    DEGRADED_PART_VIEWER_STATE,
    EngagementCounts,
    Entities,
    MentionEntity,
    Tweet,
    ViewerState,
)
from aviary.type.v1.user_pb2 import User
from views.presentation import includes, mentioned_usernames, referenced_ids, set_engagement

WHOLE = TweetEngagement(counts=EngagementCounts(likes_count=3), viewer=ViewerState(liked=True))


def test_counts_and_viewer_state_are_set_on_the_tweet() -> None:
    tweet = Tweet(tweet_id=1)
    assert set_engagement([tweet], {1: WHOLE}, viewer_id=7) == set()
    assert tweet.counts.likes_count == 3
    assert tweet.viewer.liked


def test_an_anonymous_viewer_gets_no_viewer_state_and_misses_none() -> None:
    tweet = Tweet(tweet_id=1)
    assert set_engagement([tweet], {1: WHOLE}, viewer_id=0) == set()
    assert not tweet.HasField("viewer")


def test_a_count_of_zero_is_present_and_an_unknown_one_absent() -> None:
    known, unknown = Tweet(tweet_id=1), Tweet(tweet_id=2)
    engagements = {1: TweetEngagement(counts=EngagementCounts()), 2: TweetEngagement()}
    assert set_engagement([known, unknown], engagements, viewer_id=0) == {DEGRADED_PART_COUNTS}
    assert known.HasField("counts")
    assert not unknown.HasField("counts")


def test_without_any_engagement_both_parts_are_said_to_be_missing() -> None:
    assert set_engagement([Tweet(tweet_id=1)], {}, viewer_id=7) == {DEGRADED_PART_COUNTS, DEGRADED_PART_VIEWER_STATE}


def test_includes_hold_each_account_and_each_tweet_once() -> None:
    included = includes([User(user_id=1), User(user_id=2), User(user_id=1)], [Tweet(tweet_id=5), Tweet(tweet_id=5)])
    assert [user.user_id for user in included.users] == [1, 2]
    assert [tweet.tweet_id for tweet in included.tweets] == [5]


def test_mentions_of_one_account_in_two_spellings_are_one_name() -> None:
    tweets = [
        Tweet(entities=Entities(mentions=[MentionEntity(username=name), MentionEntity(username="bo")]))
        for name in ("Ada", "ADA")
    ]
    assert mentioned_usernames(tweets) == ["ada", "bo"]


def test_a_tweet_that_answers_nothing_refers_to_nothing() -> None:
    tweets = [Tweet(in_reply_to_tweet_id=9), Tweet(), Tweet(in_reply_to_tweet_id=9), Tweet(in_reply_to_tweet_id=4)]
    assert referenced_ids(tweets) == [9, 4]

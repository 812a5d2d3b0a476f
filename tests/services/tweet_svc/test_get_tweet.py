"""GetTweet."""

from __future__ import annotations

import grpc
import pytest

from aviary.tweet.v1.tweet_service_pb2 import GetTweetRequest
from aviary.type.v1.tweet_pb2 import (
    DEGRADED_PART_COUNTS,
    DEGRADED_PART_VIEWER_STATE,
    EXPANSION_AUTHOR,
    EXPANSION_MENTIONED_USERS,
    EXPANSION_REFERENCED_TWEETS,
    Expansion,
)
from tests.services.tweet_svc.callers import ANN, BOB, UNKNOWN, Callers, ids
from tests.services.tweet_svc.known_engagement import KnownEngagement
from tests.support.refused import refused


async def test_a_user_sees_counts_and_what_they_did(tweets: Callers) -> None:
    tweet = await tweets.post(ANN, "hi")
    read = await tweets.user(BOB).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
    assert (read.tweet.content, read.tweet.counts.likes_count, read.tweet.viewer.liked) == ("hi", 3, True)
    assert not read.degraded


async def test_anybody_may_read_and_has_no_viewer_state(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    read = await tweets.user(0).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
    assert read.tweet.counts.likes_count == 3
    assert not read.tweet.HasField("viewer")
    assert not read.degraded


async def test_expansions_bring_author_mentioned_users_and_parent(tweets: Callers) -> None:
    parent = await tweets.post(BOB)
    reply = await tweets.post(ANN, "@CYD and @nobody, look", answers=parent.tweet_id)
    every = [EXPANSION_AUTHOR, EXPANSION_MENTIONED_USERS, EXPANSION_REFERENCED_TWEETS]
    read = await tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=reply.tweet_id, expansions=every))
    assert {user.username for user in read.includes.users} == {"ann", "bob", "cyd"}
    assert ids(read.includes.tweets) == [parent.tweet_id]


async def test_without_expansions_nothing_is_included(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    read = await tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
    assert not read.includes.users
    assert not read.includes.tweets


async def test_a_deleted_parent_is_left_out_of_the_includes(tweets: Callers) -> None:
    parent = await tweets.post(BOB)
    reply = await tweets.post(ANN, answers=parent.tweet_id)
    await tweets.delete(parent)
    request = GetTweetRequest(tweet_id=reply.tweet_id, expansions=[EXPANSION_REFERENCED_TWEETS])
    read = await tweets.user(ANN).GetTweet(request)
    assert read.tweet.in_reply_to_tweet_id == parent.tweet_id
    assert not read.includes.tweets


async def test_without_engagement_the_tweet_comes_and_says_what_is_missing(
    tweets: Callers, engagement: KnownEngagement
) -> None:
    tweet = await tweets.post(ANN)
    engagement.is_down = True
    read = await tweets.user(BOB).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
    assert read.tweet.content == "hello"
    assert not read.tweet.HasField("counts")
    assert list(read.degraded) == [DEGRADED_PART_COUNTS, DEGRADED_PART_VIEWER_STATE]


async def test_an_unknown_tweet_is_not_found(tweets: Callers) -> None:
    error = await refused(tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=UNKNOWN)), grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata) == ("TWEET_NOT_FOUND", {"tweet_id": str(UNKNOWN)})


async def test_a_deleted_tweet_is_not_found_also_by_its_author(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    await tweets.delete(tweet)
    for user_id in (ANN, BOB, 0):
        call = tweets.user(user_id).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
        assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "TWEET_NOT_FOUND"


@pytest.mark.parametrize("tweet_id", [0, -1])
async def test_an_id_that_none_has_is_refused(tweets: Callers, tweet_id: int) -> None:
    call = tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=tweet_id))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["tweetId"]


async def test_an_unknown_expansion_is_refused(tweets: Callers) -> None:
    unknown: list[Expansion.ValueType] = [Expansion.ValueType(99)]
    call = tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=UNKNOWN, expansions=unknown))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["expansions[0]"]

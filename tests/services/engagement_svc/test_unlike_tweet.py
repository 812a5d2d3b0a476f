"""UnlikeTweet."""

from __future__ import annotations

import grpc
import pytest

from aviary.engagement.v1.engagement_service_pb2 import UnlikeTweetRequest
from tests.services.engagement_svc.callers import ANN, BOB, CYD, DELETED, TWEET, UNKNOWN, Callers
from tests.services.engagement_svc.known_tweets import KnownTweets
from tests.support.refused import refused


async def test_a_like_is_taken_back_once(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    for _ in range(2):
        answer = await engagement.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
        assert answer.likes_count == 1


async def test_taking_back_what_never_was_answers_the_count(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    answer = await engagement.user(CYD).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
    assert answer.likes_count == 2


async def test_a_known_zero_is_told(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN)
    answer = await engagement.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
    assert answer.HasField("likes_count")
    assert answer.likes_count == 0


async def test_a_like_of_a_tweet_deleted_since_can_be_taken_back(engagement: Callers, tweets: KnownTweets) -> None:
    await engagement.like(TWEET, ANN)
    tweets.live.remove(TWEET)
    tweets.deleted.add(TWEET)
    answer = await engagement.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
    assert answer.likes_count == 0


@pytest.mark.parametrize("tweet_id", [UNKNOWN, DELETED])
async def test_a_tweet_that_is_not_there_is_not_found(engagement: Callers, tweet_id: int) -> None:
    call = engagement.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=tweet_id))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["tweet_id"]) == ("TWEET_NOT_FOUND", str(tweet_id))


async def test_an_impossible_id_is_refused(engagement: Callers) -> None:
    call = engagement.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=0))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["tweetId"]


async def test_an_anonymous_caller_is_refused(engagement: Callers) -> None:
    call = engagement.user(0).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_MISSING"

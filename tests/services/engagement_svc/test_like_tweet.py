"""LikeTweet."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from aviary.engagement.v1.engagement_service_pb2 import LikeTweetRequest
from tests.services.engagement_svc.callers import ANN, BOB, DELETED, TWEET, UNKNOWN, Callers
from tests.services.engagement_svc.known_tweets import KnownTweets
from tests.support.refused import refused


async def test_a_like_answers_the_state_the_count_and_its_time(engagement: Callers) -> None:
    answer = await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
    assert (answer.liked, answer.likes_count) == (True, 1)
    assert answer.create_time.seconds > 0
    assert (await engagement.user(BOB).LikeTweet(LikeTweetRequest(tweet_id=TWEET, liked=True))).likes_count == 2


async def test_a_repeat_changes_nothing(engagement: Callers) -> None:
    first = await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
    assert await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET)) == first


async def test_many_likes_at_once_of_one_user_count_one(engagement: Callers) -> None:
    stub = engagement.user(ANN)
    answers = await asyncio.gather(*(stub.LikeTweet(LikeTweetRequest(tweet_id=TWEET)) for _ in range(20)))
    assert {answer.likes_count for answer in answers} == {1}


async def test_liked_false_takes_the_like_back(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    answer = await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET, liked=False))
    assert (answer.liked, answer.likes_count) == (False, 1)
    assert not answer.HasField("create_time")


async def test_a_like_given_again_keeps_its_first_time(engagement: Callers) -> None:
    first = await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
    await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET, liked=False))
    assert await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET)) == first


@pytest.mark.parametrize("tweet_id", [UNKNOWN, DELETED])
@pytest.mark.parametrize("liked", [True, False])
async def test_a_tweet_that_is_not_there_is_not_found(engagement: Callers, tweet_id: int, liked: bool) -> None:
    call = engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=tweet_id, liked=liked))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["tweet_id"]) == ("TWEET_NOT_FOUND", str(tweet_id))


async def test_a_tweet_deleted_a_moment_ago_is_not_found(engagement: Callers, tweets: KnownTweets) -> None:
    await engagement.like(TWEET, ANN)
    tweets.live.remove(TWEET)
    tweets.deleted.add(TWEET)
    call = engagement.user(BOB).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "TWEET_NOT_FOUND"


@pytest.mark.parametrize("tweet_id", [0, -1])
async def test_an_impossible_id_is_refused(engagement: Callers, tweet_id: int) -> None:
    call = engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=tweet_id))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "VALIDATION_FAILED"
    assert [violation.field for violation in error.violations] == ["tweetId"]


async def test_an_anonymous_caller_is_refused(engagement: Callers) -> None:
    call = engagement.user(0).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_MISSING"

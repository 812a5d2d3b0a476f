"""DeleteTweet."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import BatchGetStoredTweetsRequest
from aviary.tweet.v1.tweet_service_pb2 import DeleteTweetRequest, GetTweetRequest
from tests.services.tweet_svc.callers import ANN, BOB, UNKNOWN, Callers
from tests.support.refused import refused


async def is_there(tweets: Callers, tweet_id: int) -> bool:
    stored = await tweets.service().BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=[tweet_id]))
    return tweet_id in stored.tweets


async def test_the_author_deletes_a_tweet_and_it_is_announced(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    await tweets.user(ANN).DeleteTweet(DeleteTweetRequest(tweet_id=tweet.tweet_id))
    call = tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "TWEET_NOT_FOUND"
    assert [name for name, _ in await tweets.waiting_events()] == ["created", "deleted"]


async def test_repeating_it_succeeds_and_announces_nothing_more(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    await asyncio.gather(*(tweets.delete(tweet) for _ in range(5)))
    await tweets.delete(tweet)
    assert [name for name, _ in await tweets.waiting_events()] == ["created", "deleted"]


async def test_somebody_elses_tweet_stays(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    call = tweets.user(BOB).DeleteTweet(DeleteTweetRequest(tweet_id=tweet.tweet_id))
    error = await refused(call, grpc.StatusCode.PERMISSION_DENIED)
    assert error.reason == "NOT_OWNER"
    assert await is_there(tweets, tweet.tweet_id)
    assert [name for name, _ in await tweets.waiting_events()] == ["created"]


async def test_somebody_elses_deleted_tweet_is_not_found(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    await tweets.delete(tweet)
    call = tweets.user(BOB).DeleteTweet(DeleteTweetRequest(tweet_id=tweet.tweet_id))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "TWEET_NOT_FOUND"


async def test_an_unknown_tweet_is_not_found(tweets: Callers) -> None:
    call = tweets.user(ANN).DeleteTweet(DeleteTweetRequest(tweet_id=UNKNOWN))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["tweet_id"]) == ("TWEET_NOT_FOUND", str(UNKNOWN))


async def test_an_anonymous_caller_deletes_nothing(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    call = tweets.user(0).DeleteTweet(DeleteTweetRequest(tweet_id=tweet.tweet_id))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_MISSING"
    assert await is_there(tweets, tweet.tweet_id)


@pytest.mark.parametrize("tweet_id", [0, -5])
async def test_an_id_that_none_has_is_refused(tweets: Callers, tweet_id: int) -> None:
    call = tweets.user(ANN).DeleteTweet(DeleteTweetRequest(tweet_id=tweet_id))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["tweetId"]

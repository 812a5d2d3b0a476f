"""BatchGetTweets."""

from __future__ import annotations

import grpc
import pytest

from aviary.tweet.v1.tweet_service_pb2 import BatchGetTweetsRequest
from aviary.type.v1.tweet_pb2 import EXPANSION_AUTHOR
from tests.services.tweet_svc.callers import ANN, BOB, UNKNOWN, Callers, ids
from tests.services.tweet_svc.known_engagement import KnownEngagement
from tests.support.refused import refused


async def test_tweets_come_in_the_order_asked_and_each_once(tweets: Callers) -> None:
    first, second, third = [(await tweets.post(by)).tweet_id for by in (ANN, BOB, ANN)]
    answer = await tweets.user(ANN).BatchGetTweets(BatchGetTweetsRequest(tweet_ids=[second, third, first, second]))
    assert ids(answer.tweets) == [second, third, first]
    assert not answer.missing_tweet_ids


async def test_unknown_and_deleted_ids_are_listed_apart(tweets: Callers) -> None:
    kept, gone = await tweets.post(ANN), await tweets.post(ANN)
    await tweets.delete(gone)
    request = BatchGetTweetsRequest(tweet_ids=[UNKNOWN, kept.tweet_id, gone.tweet_id])
    answer = await tweets.user(BOB).BatchGetTweets(request)
    assert ids(answer.tweets) == [kept.tweet_id]
    assert list(answer.missing_tweet_ids) == [UNKNOWN, gone.tweet_id]


async def test_a_hundred_tweets_cost_one_question_to_engagement(tweets: Callers, engagement: KnownEngagement) -> None:
    wanted = [(await tweets.post(ANN)).tweet_id for _ in range(3)]
    before = engagement.calls
    answer = await tweets.user(0).BatchGetTweets(
        BatchGetTweetsRequest(tweet_ids=[*wanted, *range(1, 98)], expansions=[EXPANSION_AUTHOR])
    )
    assert ids(answer.tweets) == wanted
    assert [user.username for user in answer.includes.users] == ["ann"]
    assert engagement.calls == before + 1


@pytest.mark.parametrize("tweet_ids", [[], list(range(1, 102)), [0], [-1]], ids=["none", "101", "zero", "negative"])
async def test_an_impossible_list_of_ids_is_refused(tweets: Callers, tweet_ids: list[int]) -> None:
    call = tweets.user(ANN).BatchGetTweets(BatchGetTweetsRequest(tweet_ids=tweet_ids))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field.partition("[")[0] for violation in error.violations] == ["tweetIds"]

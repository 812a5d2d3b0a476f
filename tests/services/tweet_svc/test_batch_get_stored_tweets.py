"""BatchGetStoredTweets."""

from __future__ import annotations

import grpc

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import BatchGetStoredTweetsRequest
from tests.services.tweet_svc.callers import ANN, BOB, UNKNOWN, Callers
from tests.services.tweet_svc.known_engagement import KnownEngagement
from tests.support.refused import refused


async def test_live_deleted_and_unknown_tweets_are_told_apart(tweets: Callers) -> None:
    live, gone = await tweets.post(ANN, "see example.com"), await tweets.post(BOB, "secret")
    await tweets.delete(gone)
    request = BatchGetStoredTweetsRequest(tweet_ids=[live.tweet_id, gone.tweet_id, UNKNOWN, live.tweet_id])
    answer = await tweets.service().BatchGetStoredTweets(request)
    assert list(answer.tweets) == [live.tweet_id]
    assert list(answer.deleted_tweet_ids) == [gone.tweet_id]
    assert b"secret" not in answer.SerializeToString()


async def test_a_stored_tweet_has_its_entities_and_nothing_of_others(
    tweets: Callers, engagement: KnownEngagement
) -> None:
    posted = await tweets.post(ANN, "see example.com")
    before = engagement.calls
    answer = await tweets.service().BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=[posted.tweet_id]))
    stored = answer.tweets[posted.tweet_id]
    assert not stored.HasField("counts")
    assert not stored.HasField("viewer")
    assert stored.entities == posted.entities
    assert stored.create_time == posted.create_time
    assert engagement.calls == before


async def test_nothing_asked_is_nothing_answered(tweets: Callers) -> None:
    answer = await tweets.service().BatchGetStoredTweets(BatchGetStoredTweetsRequest())
    assert not answer.tweets
    assert not answer.deleted_tweet_ids


async def test_more_than_a_thousand_ids_are_refused(tweets: Callers) -> None:
    call = tweets.service().BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=range(1, 1002)))
    assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "VALIDATION_FAILED"


async def test_a_user_may_not_call_it(tweets: Callers) -> None:
    call = tweets.user_on_internal(ANN).BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=[1]))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"

"""BatchGetEngagement."""

from __future__ import annotations

import grpc

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import BatchGetEngagementRequest, TweetEngagement
from aviary.type.v1.tweet_pb2 import EngagementCounts, ViewerState
from tests.services.engagement_svc.callers import ANN, BOB, TWEET, TWEET_2, UNKNOWN, Callers
from tests.support.refused import refused


async def test_counts_and_viewer_state_of_many_tweets(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    await engagement.like(TWEET_2, BOB)
    request = BatchGetEngagementRequest(tweet_ids=[TWEET, TWEET_2], viewer_user_id=ANN)
    answer = await engagement.service().BatchGetEngagement(request)
    assert dict(answer.engagements) == {
        TWEET: TweetEngagement(counts=EngagementCounts(likes_count=2), viewer=ViewerState(liked=True)),
        TWEET_2: TweetEngagement(counts=EngagementCounts(likes_count=1), viewer=ViewerState(liked=False)),
    }


async def test_an_unknown_tweet_has_zeros_that_are_known(engagement: Callers) -> None:
    answer = await engagement.service().BatchGetEngagement(
        BatchGetEngagementRequest(tweet_ids=[UNKNOWN], viewer_user_id=ANN)
    )
    assert answer.engagements[UNKNOWN].HasField("counts")
    assert answer.engagements[UNKNOWN].HasField("viewer")
    assert answer.engagements[UNKNOWN].counts == EngagementCounts()


async def test_an_anonymous_viewer_has_no_state(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN)
    answer = await engagement.service().BatchGetEngagement(BatchGetEngagementRequest(tweet_ids=[TWEET]))
    assert answer.engagements[TWEET].counts.likes_count == 1
    assert not answer.engagements[TWEET].HasField("viewer")


async def test_no_tweets_are_no_answer(engagement: Callers) -> None:
    answer = await engagement.service().BatchGetEngagement(BatchGetEngagementRequest())
    assert not answer.engagements


async def test_more_than_1000_tweets_are_refused(engagement: Callers) -> None:
    call = engagement.service().BatchGetEngagement(BatchGetEngagementRequest(tweet_ids=range(1, 1_002)))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["tweetIds"]


async def test_a_user_may_not_call_it(engagement: Callers) -> None:
    call = engagement.user_on_internal(ANN).BatchGetEngagement(BatchGetEngagementRequest(tweet_ids=[TWEET]))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"

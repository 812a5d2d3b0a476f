"""ListTweetLikes."""

from __future__ import annotations

import grpc
import pytest

from aviary.engagement.v1.engagement_service_pb2 import LikeTweetRequest, ListTweetLikesRequest, UnlikeTweetRequest
from tests.services.engagement_svc.callers import ANN, BOB, CYD, DELETED, TWEET, TWEET_2, UNKNOWN, Callers
from tests.support.refused import refused


async def test_newest_first_with_total_and_accounts(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB, CYD)
    answer = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET))
    assert [like.user_id for like in answer.likes] == [CYD, BOB, ANN]
    times = [like.create_time.ToMicroseconds() for like in answer.likes]
    assert times == sorted(times, reverse=True)
    assert (answer.likes_count, answer.next_page_token) == (3, "")
    assert {user.user_id: user.username for user in answer.includes.users} == {ANN: "ann", BOB: "bob", CYD: "cyd"}


async def test_a_like_given_again_has_its_old_place(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    before = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET))
    await engagement.user(ANN).UnlikeTweet(UnlikeTweetRequest(tweet_id=TWEET))
    await engagement.user(ANN).LikeTweet(LikeTweetRequest(tweet_id=TWEET))
    after = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET))
    assert list(after.likes) == list(before.likes)


async def test_pages_are_disjoint_and_complete_though_others_like_meanwhile(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    first = await engagement.user(ANN).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET, page_size=1))
    await engagement.like(TWEET, CYD)
    request = ListTweetLikesRequest(tweet_id=TWEET, page_size=1, page_token=first.next_page_token)
    second = await engagement.user(ANN).ListTweetLikes(request)
    assert [like.user_id for like in (*first.likes, *second.likes)] == [BOB, ANN]
    assert second.next_page_token == ""


async def test_an_account_that_is_not_known_is_left_out_of_includes(engagement: Callers) -> None:
    stranger = 9_999
    await engagement.like(TWEET, stranger)
    answer = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET))
    assert [like.user_id for like in answer.likes] == [stranger]
    assert not answer.includes.users


async def test_nobody_likes_is_a_known_zero(engagement: Callers) -> None:
    answer = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET))
    assert not answer.likes
    assert answer.HasField("likes_count")


async def test_a_page_size_beyond_the_largest_is_the_largest(engagement: Callers) -> None:
    for user_id in range(1, 103):
        await engagement.like(TWEET, user_id)
    answer = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET, page_size=2**31 - 1))
    assert len(answer.likes) == 100
    answer = await engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET))
    assert len(answer.likes) == 20


async def test_a_negative_page_size_is_refused(engagement: Callers) -> None:
    call = engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET, page_size=-1))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["pageSize"]


@pytest.mark.parametrize("tweet_id", [UNKNOWN, DELETED])
async def test_a_tweet_that_is_not_there_is_not_found(engagement: Callers, tweet_id: int) -> None:
    call = engagement.user(0).ListTweetLikes(ListTweetLikesRequest(tweet_id=tweet_id))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "TWEET_NOT_FOUND"


async def test_forged_and_foreign_tokens_are_refused(engagement: Callers) -> None:
    await engagement.like(TWEET, ANN, BOB)
    first = await engagement.user(ANN).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET, page_size=1))
    token = first.next_page_token
    assert token
    for call in (
        engagement.user(ANN).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET, page_token=token[:-2] + "AA")),
        engagement.user(ANN).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET_2, page_token=token)),
        engagement.user(BOB).ListTweetLikes(ListTweetLikesRequest(tweet_id=TWEET, page_token=token)),
    ):
        error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
        assert error.reason == "PAGE_TOKEN_INVALID"
        assert [violation.field for violation in error.violations] == ["pageToken"]

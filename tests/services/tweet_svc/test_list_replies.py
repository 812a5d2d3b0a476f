"""ListReplies."""

from __future__ import annotations

import grpc

from aviary.tweet.v1.tweet_service_pb2 import ListRepliesRequest, ListUserTweetsRequest
from aviary.type.v1.tweet_pb2 import EXPANSION_AUTHOR
from tests.services.tweet_svc.callers import ANN, BOB, CYD, UNKNOWN, Callers, ids
from tests.support.refused import refused


async def test_direct_replies_come_newest_first(tweets: Callers) -> None:
    parent = await tweets.post(ANN)
    replies = [await tweets.post(by, answers=parent.tweet_id) for by in (BOB, CYD, ANN)]
    await tweets.post(ANN, answers=replies[0].tweet_id)
    request = ListRepliesRequest(tweet_id=parent.tweet_id, expansions=[EXPANSION_AUTHOR])
    page = await tweets.user(0).ListReplies(request)
    assert ids(page.replies) == ids(replies)[::-1]
    assert {user.username for user in page.includes.users} == {"ann", "bob", "cyd"}
    assert page.replies[0].counts.likes_count == 3


async def test_pages_put_together_are_the_whole_list(tweets: Callers) -> None:
    parent = await tweets.post(ANN)
    replies = [(await tweets.post(BOB, answers=parent.tweet_id)).tweet_id for _ in range(5)]
    first = await tweets.user(BOB).ListReplies(ListRepliesRequest(tweet_id=parent.tweet_id, page_size=3))
    request = ListRepliesRequest(tweet_id=parent.tweet_id, page_size=3, page_token=first.next_page_token)
    second = await tweets.user(BOB).ListReplies(request)
    assert ids(first.replies) + ids(second.replies) == replies[::-1]
    assert not second.next_page_token


async def test_deleted_replies_are_not_listed(tweets: Callers) -> None:
    parent = await tweets.post(ANN)
    kept, gone = [await tweets.post(BOB, answers=parent.tweet_id) for _ in range(2)]
    await tweets.delete(gone)
    page = await tweets.user(ANN).ListReplies(ListRepliesRequest(tweet_id=parent.tweet_id))
    assert ids(page.replies) == [kept.tweet_id]


async def test_a_tweet_without_replies_has_an_empty_page(tweets: Callers) -> None:
    parent = await tweets.post(ANN)
    assert not (await tweets.user(ANN).ListReplies(ListRepliesRequest(tweet_id=parent.tweet_id))).replies


async def test_an_unknown_or_deleted_tweet_is_not_found(tweets: Callers) -> None:
    parent = await tweets.post(ANN)
    await tweets.post(BOB, answers=parent.tweet_id)
    await tweets.delete(parent)
    for tweet_id in (parent.tweet_id, UNKNOWN):
        call = tweets.user(ANN).ListReplies(ListRepliesRequest(tweet_id=tweet_id))
        error = await refused(call, grpc.StatusCode.NOT_FOUND)
        assert (error.reason, error.metadata["tweet_id"]) == ("TWEET_NOT_FOUND", str(tweet_id))


async def test_a_token_of_another_list_is_refused(tweets: Callers) -> None:
    parent, other = await tweets.post(ANN), await tweets.post(ANN)
    for _ in range(2):
        await tweets.post(BOB, answers=parent.tweet_id)
    stub = tweets.user(ANN)
    own = (await stub.ListReplies(ListRepliesRequest(tweet_id=parent.tweet_id, page_size=1))).next_page_token
    foreign = (await stub.ListUserTweets(ListUserTweetsRequest(user_id=ANN, page_size=1))).next_page_token
    for tweet_id, token in ((parent.tweet_id, foreign), (other.tweet_id, own), (parent.tweet_id, own[1:])):
        call = stub.ListReplies(ListRepliesRequest(tweet_id=tweet_id, page_size=1, page_token=token))
        assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "PAGE_TOKEN_INVALID"

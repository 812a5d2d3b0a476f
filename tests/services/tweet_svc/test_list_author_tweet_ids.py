"""ListAuthorTweetIds."""

from __future__ import annotations

import grpc
import pytest

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import ListAuthorTweetIdsRequest
from tests.services.tweet_svc.callers import ANN, BOB, CYD, UNKNOWN, Callers
from tests.support.refused import refused


async def ask(tweets: Callers, request: ListAuthorTweetIdsRequest) -> dict[int, list[int]]:
    answer = await tweets.service().ListAuthorTweetIds(request)
    return {author.user_id: list(author.tweet_ids) for author in answer.authors}


async def test_newest_live_ids_of_each_author_that_has_any(tweets: Callers) -> None:
    posted = [(by, (await tweets.post(by)).tweet_id) for by in (ANN, BOB, ANN, ANN, BOB)]
    gone = await tweets.post(ANN)
    await tweets.delete(gone)
    found = await ask(tweets, ListAuthorTweetIdsRequest(user_ids=[ANN, BOB, CYD, UNKNOWN], limit=2))
    of_ann = [tweet_id for by, tweet_id in posted if by == ANN]
    of_bob = [tweet_id for by, tweet_id in posted if by == BOB]
    assert found == {ANN: of_ann[:0:-1], BOB: of_bob[::-1]}


async def test_replies_are_tweets_too(tweets: Callers) -> None:
    first = await tweets.post(ANN)
    reply = await tweets.post(BOB, answers=first.tweet_id)
    assert await ask(tweets, ListAuthorTweetIdsRequest(user_ids=[BOB], limit=5)) == {BOB: [reply.tweet_id]}


async def test_both_ends_are_exclusive(tweets: Callers) -> None:
    posted = [(await tweets.post(ANN)).tweet_id for _ in range(5)]
    request = ListAuthorTweetIdsRequest(user_ids=[ANN], max_id=posted[4], since_id=posted[1], limit=10)
    assert await ask(tweets, request) == {ANN: [posted[3], posted[2]]}
    request = ListAuthorTweetIdsRequest(user_ids=[ANN], since_id=posted[4], limit=10)
    assert await ask(tweets, request) == {}


@pytest.mark.parametrize(
    "request_",
    [
        ListAuthorTweetIdsRequest(user_ids=[ANN]),
        ListAuthorTweetIdsRequest(user_ids=[ANN], limit=801),
        ListAuthorTweetIdsRequest(user_ids=[ANN], limit=1, max_id=-1),
        ListAuthorTweetIdsRequest(user_ids=[ANN], limit=1, since_id=-1),
        ListAuthorTweetIdsRequest(user_ids=range(1, 1002), limit=1),
        ListAuthorTweetIdsRequest(user_ids=range(1, 1001), limit=101),
    ],
    ids=["no limit", "limit", "max_id", "since_id", "authors", "answer too large"],
)
async def test_an_impossible_request_is_refused(tweets: Callers, request_: ListAuthorTweetIdsRequest) -> None:
    call = tweets.service().ListAuthorTweetIds(request_)
    assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "VALIDATION_FAILED"


async def test_a_user_may_not_call_it(tweets: Callers) -> None:
    call = tweets.user_on_internal(ANN).ListAuthorTweetIds(ListAuthorTweetIdsRequest(user_ids=[ANN], limit=1))
    assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "CALLER_NOT_ALLOWED"

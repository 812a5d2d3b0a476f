"""CreateTweet under an idempotency key: one tweet, whatever is repeated when."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import grpc
import pytest

from aviary.tweet.v1.tweet_service_pb2 import CreateTweetRequest, ListUserTweetsRequest
from tests.conformance.tweet_store.cases import ID, NOW_US, open_sqlite
from tests.services.tweet_svc.callers import ANN, BOB, UNKNOWN, Callers, ids
from tests.support.refused import refused
from tests.support.running import a_mesh_config, running
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig
from tweet_svc.model import RequestKey

REQUEST = CreateTweetRequest(content="once", request_id="key-1")


async def all_of(tweets: Callers, user_id: int = ANN) -> list[int]:
    return ids((await tweets.user(user_id).ListUserTweets(ListUserTweetsRequest(user_id=user_id))).tweets)


async def test_a_repeat_answers_the_first_tweet_and_says_so(tweets: Callers) -> None:
    first = tweets.user(ANN).CreateTweet(REQUEST)
    tweet = (await first).tweet
    again = tweets.user(ANN).CreateTweet(REQUEST)
    assert (await again).tweet.tweet_id == tweet.tweet_id
    assert "idempotency-replayed" not in dict(await first.initial_metadata())
    assert dict(await again.initial_metadata())["idempotency-replayed"] == "true"
    assert await all_of(tweets) == [tweet.tweet_id]
    assert await tweets.waiting_events() == [("created", tweet.tweet_id)]


async def test_a_repeat_shows_the_tweet_as_it_is_now(tweets: Callers) -> None:
    await tweets.user(ANN).CreateTweet(REQUEST)
    assert (await tweets.user(ANN).CreateTweet(REQUEST)).tweet.counts.likes_count == 3


async def test_eight_at_the_same_moment_make_one_tweet(tweets: Callers) -> None:
    stub = tweets.user(ANN)
    answers = await asyncio.gather(*(stub.CreateTweet(REQUEST) for _ in range(8)))
    assert len({answer.tweet.tweet_id for answer in answers}) == 1
    assert len(await all_of(tweets)) == 1
    assert len(await tweets.waiting_events()) == 1


@pytest.mark.parametrize(
    "other",
    [
        CreateTweetRequest(content="twice", request_id="key-1"),
        CreateTweetRequest(content="once", request_id="key-1", in_reply_to_tweet_id=UNKNOWN),
    ],
)
async def test_another_request_under_the_same_key_is_refused(tweets: Callers, other: CreateTweetRequest) -> None:
    tweet = (await tweets.user(ANN).CreateTweet(REQUEST)).tweet
    error = await refused(tweets.user(ANN).CreateTweet(other), grpc.StatusCode.INVALID_ARGUMENT)
    assert error.reason == "REQUEST_ID_REUSED"
    assert [violation.field for violation in error.violations] == ["requestId"]
    assert await all_of(tweets) == [tweet.tweet_id]


async def test_another_user_has_keys_of_their_own(tweets: Callers) -> None:
    first = (await tweets.user(ANN).CreateTweet(REQUEST)).tweet
    other = (await tweets.user(BOB).CreateTweet(CreateTweetRequest(content="other", request_id="key-1"))).tweet
    assert first.tweet_id != other.tweet_id
    assert await all_of(tweets, BOB) == [other.tweet_id]


async def test_a_repeat_after_the_delete_does_not_post_it_again(tweets: Callers) -> None:
    tweet = (await tweets.user(ANN).CreateTweet(REQUEST)).tweet
    await tweets.delete(tweet)
    error = await refused(tweets.user(ANN).CreateTweet(REQUEST), grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["tweet_id"]) == ("TWEET_NOT_FOUND", str(tweet.tweet_id))
    assert await all_of(tweets) == []


async def test_a_repeated_reply_answers_also_after_its_parent_was_deleted(tweets: Callers) -> None:
    parent = await tweets.post(BOB)
    request = CreateTweetRequest(content="yes", request_id="key-2", in_reply_to_tweet_id=parent.tweet_id)
    reply = (await tweets.user(ANN).CreateTweet(request)).tweet
    await tweets.delete(parent)
    assert (await tweets.user(ANN).CreateTweet(request)).tweet.tweet_id == reply.tweet_id


async def test_a_repeat_after_a_crash_between_claim_and_row_makes_the_tweet(tweets: Callers, tmp_path: Path) -> None:
    request_hash = hashlib.sha256(CreateTweetRequest(content="once").SerializeToString()).digest()
    key = RequestKey(ANN, "CreateTweet", "key-1")
    async with open_sqlite(tmp_path) as opened:
        await opened.store.claim(key, request_hash=request_hash, candidate_id=ID, at_us=NOW_US)
    answer = await tweets.user(ANN).CreateTweet(REQUEST)
    assert answer.tweet.tweet_id == ID
    assert await all_of(tweets) == [ID]
    assert await tweets.waiting_events() == [("created", ID)]


async def test_a_request_that_failed_fails_again_under_its_key(tweets: Callers) -> None:
    request = CreateTweetRequest(content="early", request_id="key-3", in_reply_to_tweet_id=UNKNOWN)
    for _ in range(2):
        error = await refused(tweets.user(ANN).CreateTweet(request), grpc.StatusCode.NOT_FOUND)
        assert error.reason == "TWEET_NOT_FOUND"
    assert await all_of(tweets) == []


async def test_a_repeat_after_a_restart_answers_the_first_tweet(tmp_path: Path) -> None:
    config = TweetConfig(a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1"))
    found = []
    for _ in range(2):
        async with open_service(config) as service, running(service) as tweet_svc:
            found.append((await Callers(tweet_svc).user(ANN).CreateTweet(REQUEST)).tweet.tweet_id)
    assert found[0] == found[1]


@pytest.mark.parametrize("request_id", ["a" * 65, "sp ace", "ключ", "new\nline", "../x"])
async def test_a_key_of_another_form_is_refused(tweets: Callers, request_id: str) -> None:
    call = tweets.user(ANN).CreateTweet(CreateTweetRequest(content="hi", request_id=request_id))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["requestId"]


async def test_without_a_key_a_repeat_is_a_second_tweet(tweets: Callers) -> None:
    await tweets.post(ANN)
    await tweets.post(ANN)
    assert len(await all_of(tweets)) == 2

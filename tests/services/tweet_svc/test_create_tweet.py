"""CreateTweet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from aviary.tweet.v1.tweet_service_pb2 import CreateTweetRequest, GetTweetRequest, ListUserTweetsRequest
from tests.services.tweet_svc.callers import ANN, BOB, UNKNOWN, Callers, ids
from tests.support.refused import refused
from tests.support.running import a_mesh_config, issue_service_token, issue_user_token, running
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig

BAD = grpc.StatusCode.INVALID_ARGUMENT


async def nothing_was_stored(tweets: Callers) -> bool:
    page = await tweets.user(ANN).ListUserTweets(ListUserTweetsRequest(user_id=ANN))
    return not page.tweets and not await tweets.waiting_events()


async def test_a_new_tweet_is_answered_whole(tweets: Callers) -> None:
    tweet = await tweets.post(ANN, "Cafe\u0301 with @bob: #lunch at example.com")
    assert tweet.tweet_id > 2**60
    assert tweet.user_id == ANN
    assert tweet.content == "Café with @bob: #lunch at example.com"
    assert tweet.create_time.ToMilliseconds() == (tweet.tweet_id >> 22) + 1_288_834_974_657
    assert (tweet.in_reply_to_tweet_id, tweet.conversation_id) == (0, tweet.tweet_id)
    assert [(m.start, m.end, m.username) for m in tweet.entities.mentions] == [(10, 14, "bob")]
    assert [(h.start, h.end, h.tag) for h in tweet.entities.hashtags] == [(16, 22, "lunch")]
    assert [(u.start, u.end, u.url) for u in tweet.entities.urls] == [(26, 37, "example.com")]


async def test_nobody_has_liked_a_new_tweet_and_that_is_known(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    assert tweet.HasField("counts")
    assert tweet.counts.likes_count == 0
    assert tweet.HasField("viewer")
    assert not tweet.viewer.liked


async def test_a_new_tweet_can_be_read_and_its_event_waits_under_its_id(tweets: Callers) -> None:
    tweet = await tweets.post(ANN)
    read = await tweets.user(BOB).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id))
    assert read.tweet.content == "hello"
    assert await tweets.waiting_events() == [("created", tweet.tweet_id)]


async def test_a_reply_belongs_to_the_conversation_of_its_parent(tweets: Callers) -> None:
    first = await tweets.post(ANN)
    second = await tweets.post(BOB, answers=first.tweet_id)
    third = await tweets.post(ANN, answers=second.tweet_id)
    assert (second.in_reply_to_tweet_id, second.conversation_id) == (first.tweet_id, first.tweet_id)
    assert (third.in_reply_to_tweet_id, third.conversation_id) == (second.tweet_id, first.tweet_id)


async def test_a_reply_to_an_unknown_tweet_is_not_found(tweets: Callers) -> None:
    call = tweets.user(ANN).CreateTweet(CreateTweetRequest(content="hi", in_reply_to_tweet_id=UNKNOWN))
    error = await refused(call, grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata) == ("TWEET_NOT_FOUND", {"tweet_id": str(UNKNOWN)})
    assert await nothing_was_stored(tweets)


async def test_a_reply_to_a_deleted_tweet_is_not_found(tweets: Callers) -> None:
    parent = await tweets.post(BOB)
    await tweets.delete(parent)
    call = tweets.user(ANN).CreateTweet(CreateTweetRequest(content="hi", in_reply_to_tweet_id=parent.tweet_id))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "TWEET_NOT_FOUND"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "TWEET_EMPTY"),
        (" \n\t\u3000\u200b", "TWEET_EMPTY"),
        ("a" * 281, "TWEET_TOO_LONG"),
        ("語" * 281, "TWEET_TOO_LONG"),
        ("a" * 10_001, "VALIDATION_FAILED"),
        ("nul\x00", "VALIDATION_FAILED"),
        ("escape\x1b[31m", "VALIDATION_FAILED"),
        ("carriage\r\nreturn", "VALIDATION_FAILED"),
        ("delete\x7f", "VALIDATION_FAILED"),
        ("next line\x85", "VALIDATION_FAILED"),
        ("mark\ufeff", "VALIDATION_FAILED"),
        ("none\uffff", "VALIDATION_FAILED"),
        ("z" + "\u0301\u0335" * 9, "VALIDATION_FAILED"),
        (" ".join(f"@u{number}" for number in range(51)), "VALIDATION_FAILED"),
        (" ".join(f"a{number}.com" for number in range(11)), "VALIDATION_FAILED"),
    ],
)
async def test_a_bad_text_is_refused_by_name_and_nothing_is_stored(tweets: Callers, content: str, reason: str) -> None:
    error = await refused(tweets.user(ANN).CreateTweet(CreateTweetRequest(content=content)), BAD)
    assert error.reason == reason
    assert [violation.field for violation in error.violations] == ["content"]
    assert await nothing_was_stored(tweets)


async def test_280_code_points_fit_and_281_are_told_by_number(tweets: Callers) -> None:
    assert len((await tweets.post(ANN, "👍" * 280)).content) == 280
    error = await refused(tweets.user(ANN).CreateTweet(CreateTweetRequest(content="👍" * 281)), BAD)
    assert error.metadata == {"max_length": "280", "length": "281"}


async def test_fifty_mentions_and_ten_links_fit(tweets: Callers) -> None:
    assert len((await tweets.post(ANN, " ".join(f"@u{n}" for n in range(50)))).entities.mentions) == 50
    assert len((await tweets.post(ANN, " ".join(f"a{n}.com" for n in range(10)))).entities.urls) == 10


async def test_the_limit_is_a_setting(tmp_path: Path) -> None:
    config = TweetConfig(a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1"), tweet_max_length=140)
    async with open_service(config) as service, running(service) as tweet_svc:
        tweets = Callers(tweet_svc)
        await tweets.post(ANN, "a" * 140)
        error = await refused(tweets.user(ANN).CreateTweet(CreateTweetRequest(content="a" * 141)), BAD)
    assert error.metadata == {"max_length": "140", "length": "141"}


async def test_a_negative_parent_is_refused(tweets: Callers) -> None:
    call = tweets.user(ANN).CreateTweet(CreateTweetRequest(content="hi", in_reply_to_tweet_id=-1))
    error = await refused(call, BAD)
    assert [violation.field for violation in error.violations] == ["inReplyToTweetId"]


@pytest.mark.parametrize(
    ("issue", "code", "reason"),
    [
        (str, grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_MISSING"),
        (lambda: "nonsense", grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID"),
        (lambda: issue_service_token("timeline_svc"), grpc.StatusCode.PERMISSION_DENIED, "CALLER_NOT_ALLOWED"),
        (lambda: issue_user_token(ANN, ["timeline:read"]), grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING"),
    ],
    ids=["none", "nonsense", "service", "scope"],
)
async def test_only_a_user_who_may_write_tweets_posts(
    tweets: Callers, issue: Callable[[], str], code: grpc.StatusCode, reason: str
) -> None:
    error = await refused(tweets.with_token(issue()).CreateTweet(CreateTweetRequest(content="hi")), code)
    assert error.reason == reason
    assert await nothing_was_stored(tweets)


async def test_posting_needs_no_other_service_no_nats_and_no_redis(tmp_path: Path) -> None:
    mesh = a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1", redis_url="redis://127.0.0.1:1")
    async with open_service(TweetConfig(mesh)) as service, running(service) as tweet_svc:
        tweets = Callers(tweet_svc)
        tweet = await tweets.post(ANN)
        page = await tweets.user(ANN).ListUserTweets(ListUserTweetsRequest(user_id=ANN))
    assert ids(page.tweets) == [tweet.tweet_id]

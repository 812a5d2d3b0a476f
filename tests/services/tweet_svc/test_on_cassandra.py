"""tweet_svc on a real Cassandra that its URL names: clients see what they see on SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from aviary.tweet.v1.tweet_service_pb2 import (
    CreateTweetRequest,
    DeleteTweetRequest,
    GetTweetRequest,
    ListRepliesRequest,
    ListUserTweetsRequest,
)
from tests.services.tweet_svc.callers import ANN, BOB, CYD, Callers, ids
from tests.services.tweet_svc.known_engagement import KnownEngagement, known_engagement
from tests.support.cassandra import open_keyspace, store_urls
from tests.support.known_users import KnownUsers, known_users
from tests.support.refused import refused
from tests.support.running import a_mesh_config, running
from tests.support.wait_until import wait_until
from tweet_svc.app import open_service
from tweet_svc.config import TweetConfig

REQUEST = CreateTweetRequest(content="once", request_id="key-1")


@pytest.fixture
async def tweets(tmp_path: Path, redis_url: str) -> AsyncIterator[Callers]:
    async with (
        open_keyspace("tweet"),
        known_users(KnownUsers(["ann", "bob", "cyd"])) as user_svc,
        known_engagement(KnownEngagement()) as engagement_svc,
    ):
        mesh = a_mesh_config(
            tmp_path,
            bus_url="nats://127.0.0.1:1",
            redis_url=redis_url,
            user_target=user_svc.target,
            engagement_target=engagement_svc.target,
        )
        config = TweetConfig(replace(mesh, store_url=store_urls()["tweet"]))
        async with open_service(config) as service, running(service) as tweet_svc:
            callers = Callers(tweet_svc)
            await wait_until(lambda: can_post(callers))
            yield callers


async def can_post(tweets: Callers) -> bool:
    """It is connected, its tables are there, and it has a lease for ids."""
    try:
        await tweets.delete(await tweets.post(CYD))
    except grpc.aio.AioRpcError:
        return False
    return True


async def all_of(tweets: Callers, *, page_size: int = 100) -> list[list[int]]:
    pages: list[list[int]] = []
    token = ""
    while not pages or token:
        request = ListUserTweetsRequest(user_id=ANN, page_size=page_size, page_token=token)
        answer = await tweets.user(BOB).ListUserTweets(request)
        pages.append(ids(answer.tweets))
        token = answer.next_page_token
    return pages


async def test_tweets_and_replies_are_posted_listed_and_deleted(tweets: Callers) -> None:
    posts = [await tweets.post(ANN, f"number {number}") for number in range(5)]
    reply = await tweets.post(BOB, "yes", answers=posts[0].tweet_id)
    newest = ids(reversed(posts))
    assert await all_of(tweets, page_size=2) == [newest[:2], newest[2:4], newest[4:]]
    replies = ListRepliesRequest(tweet_id=posts[0].tweet_id)
    assert ids((await tweets.user(ANN).ListReplies(replies)).replies) == [reply.tweet_id]
    for tweet in (posts[1], reply):
        await tweets.delete(tweet)
        await refused(tweets.user(ANN).GetTweet(GetTweetRequest(tweet_id=tweet.tweet_id)), grpc.StatusCode.NOT_FOUND)
    assert await all_of(tweets) == [[tweet_id for tweet_id in newest if tweet_id != posts[1].tweet_id]]
    assert ids((await tweets.user(ANN).ListReplies(replies)).replies) == []


async def test_every_write_is_announced_in_its_order(tweets: Callers) -> None:
    before = await tweets.waiting_events()
    tweet = await tweets.post(ANN)
    await tweets.delete(tweet)
    await tweets.user(ANN).DeleteTweet(DeleteTweetRequest(tweet_id=tweet.tweet_id))
    events = (await tweets.waiting_events())[len(before) :]
    assert [name for name, _ in events] == ["created", "deleted"]
    assert events[0][1] == tweet.tweet_id


async def test_eight_repeats_at_the_same_moment_make_one_tweet(tweets: Callers) -> None:
    stub = tweets.user(ANN)
    answers = await asyncio.gather(*(stub.CreateTweet(REQUEST) for _ in range(8)))
    assert len({answer.tweet.tweet_id for answer in answers}) == 1
    assert await all_of(tweets) == [[answers[0].tweet.tweet_id]]


async def test_a_repeat_after_the_delete_does_not_post_it_again(tweets: Callers) -> None:
    tweet = (await tweets.user(ANN).CreateTweet(REQUEST)).tweet
    await tweets.delete(tweet)
    error = await refused(tweets.user(ANN).CreateTweet(REQUEST), grpc.StatusCode.NOT_FOUND)
    assert error.reason == "TWEET_NOT_FOUND"
    assert await all_of(tweets) == [[]]


async def test_while_there_is_no_cluster_every_call_is_refused_and_says_when_to_come_again(tmp_path: Path) -> None:
    url = "cassandra://aviary_tweet:secret@127.0.0.1:1/aviary?dc=datacenter1"
    config = TweetConfig(replace(a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1"), store_url=url))
    async with open_service(config) as service, running(service) as tweet_svc:
        error = await refused(Callers(tweet_svc).user(ANN).CreateTweet(REQUEST), grpc.StatusCode.UNAVAILABLE)
        assert error.reason == "BACKEND_UNAVAILABLE"
        assert error.retry_after is not None

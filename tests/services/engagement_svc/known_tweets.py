"""A tweet_svc that knows some tweets, of which some are deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aviary.tweet.internal.v1 import tweet_internal_service_pb2 as internal
from aviary.tweet.internal.v1 import tweet_internal_service_pb2_grpc as internal_grpc
from aviary.type.v1.tweet_pb2 import Tweet
from mesh.process import Served, Service
from tests.support.running import RunningService, running


class KnownTweets(internal_grpc.TweetInternalServiceServicer):
    """Answers BatchGetStoredTweets from `live` and `deleted`."""

    def __init__(self, live: Iterable[int], *, deleted: Iterable[int] = ()) -> None:
        self.live = set(live)
        self.deleted = set(deleted)

    async def BatchGetStoredTweets(
        self, request: internal.BatchGetStoredTweetsRequest, context: object
    ) -> internal.BatchGetStoredTweetsResponse:
        asked = set(request.tweet_ids)
        return internal.BatchGetStoredTweetsResponse(
            tweets={id_: Tweet(tweet_id=id_) for id_ in asked & self.live}, deleted_tweet_ids=asked & self.deleted
        )

    async def ListAuthorTweetIds(
        self, request: internal.ListAuthorTweetIdsRequest, context: object
    ) -> internal.ListAuthorTweetIdsResponse:
        raise AssertionError("nobody asks for this here")


@asynccontextmanager
async def known_tweets(tweets: KnownTweets) -> AsyncIterator[RunningService]:
    """The servicer behind the real chain, on a port of its own."""

    async def ready() -> None:
        return

    descriptor = internal.DESCRIPTOR.services_by_name["TweetInternalService"]
    async with running(Service("tweet_svc", [Served(descriptor, tweets)], work=[], ready=ready)) as service:
        yield service

"""Whether a tweet is there, asked of its owner and of no cache: a deleted tweet must not be liked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import BatchGetStoredTweetsRequest

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceAsyncStub


class LiveTweets(Protocol):
    """Knows which tweets are live."""

    async def has(self, tweet_id: int) -> bool:
        """Whether the tweet exists and is not deleted. Raises Unavailable."""
        ...


class RemoteLiveTweets(LiveTweets):
    """Asks tweet_svc, once."""

    def __init__(self, stub: TweetInternalServiceAsyncStub) -> None:
        self._stub = stub

    async def has(self, tweet_id: int) -> bool:
        answer = await self._stub.BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=[tweet_id]))
        return tweet_id in answer.tweets

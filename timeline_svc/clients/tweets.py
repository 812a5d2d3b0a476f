"""What timeline_svc alone asks of tweet_svc: the newest ids of many authors, and tweets past the cache."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import BatchGetStoredTweetsRequest, ListAuthorTweetIdsRequest
from views.clients.tweets import StoredTweets
from views.model import Bodies

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceAsyncStub

# The bounds of ListAuthorTweetIds: authors a call, ids an author, and ids a call.
MOST_AUTHORS = 1_000
MOST_IDS_OF_AN_AUTHOR = 800
MOST_IDS = 100_000


class AuthorTweets(Protocol):
    """What authors wrote."""

    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        """Up to `limit` ids of each author, newest first, below and above the given ids, both exclusive; 0 is open.

        At most 800 of each. Fewer than `limit` means that there are no more in the range. An author without any may
        be missing. Raises Unavailable.
        """
        ...


class RemoteAuthorTweets(AuthorTweets):
    """Asks tweet_svc, in as few calls as the contract allows."""

    def __init__(self, stub: TweetInternalServiceAsyncStub) -> None:
        self._stub = stub

    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        authors = list(author_ids)
        at_once = min(MOST_AUTHORS, MOST_IDS // limit)
        requests = [
            ListAuthorTweetIdsRequest(
                user_ids=authors[start : start + at_once], max_id=below, since_id=above, limit=limit
            )
            for start in range(0, len(authors), at_once)
        ]
        answers = await asyncio.gather(*(self._stub.ListAuthorTweetIds(request) for request in requests))
        return {author.user_id: list(author.tweet_ids) for answer in answers for author in answer.authors}


class UncachedTweets(StoredTweets):
    """Tweets from tweet_svc itself, for who must not trust a copy."""

    def __init__(self, stub: TweetInternalServiceAsyncStub) -> None:
        self._stub = stub

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        answer = await self._stub.BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=ids))
        return Bodies(dict(answer.tweets), frozenset(answer.deleted_tweet_ids))

"""Tweets by id: cached ones first, then tweet_svc once for all the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from aviary.tweet.internal.v1.tweet_internal_service_pb2 import BatchGetStoredTweetsRequest
from mesh.failpoints import fp
from views.cache import BodyCache
from views.model import Bodies, Tweet, distinct

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceAsyncStub


class StoredTweets(Protocol):
    """Tweets as their owner stores them, without counts, viewer state or visibility checks."""

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        """What is known of at most 1,000 ids; messages made for this read alone. Raises Unavailable."""
        ...


class CachedTweets(StoredTweets):
    """From Redis, and what is missing there in one call to tweet_svc, kept for the next reader."""

    def __init__(self, cache: BodyCache, stub: TweetInternalServiceAsyncStub) -> None:
        self._cache = cache
        self._stub = stub

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        wanted = distinct(ids)
        known = await self._cache.tweets(wanted)
        missed = [id_ for id_ in wanted if id_ not in known]
        if missed:
            fetched = await self._fetch(missed)
            fp("body.fetched")
            await self._cache.fill_tweets(fetched)
            fp("body.filled")
            known |= fetched
        live = {id_: tweet for id_, tweet in known.items() if tweet is not None}
        return Bodies(live, frozenset(known.keys() - live.keys()))

    async def _fetch(self, ids: list[int]) -> dict[int, Tweet | None]:
        answer = await self._stub.BatchGetStoredTweets(BatchGetStoredTweetsRequest(tweet_ids=ids))
        fetched: dict[int, Tweet | None] = dict.fromkeys(answer.deleted_tweet_ids)
        fetched.update(answer.tweets)
        return fetched

"""Tweets in this process, for tests and simulation: the promises of the other stores, kept by dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mesh.events.interface import OutboxEvent
from mesh.storage.memory import MemoryOutbox
from tweet_svc.model import Claim, RequestIdReused, RequestKey, Tweet
from tweet_svc.store.interface import TweetStore


class MemoryTweetStore(TweetStore):
    """Every call is one step. Nothing in it outlives the process, and no key is forgotten before that."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox
        self._tweets: dict[int, Tweet] = {}
        self._ids_of_authors: dict[int, list[int]] = {}
        self._ids_of_replies: dict[int, list[int]] = {}
        self._claims: dict[RequestKey, tuple[bytes, int]] = {}

    async def claim(self, key: RequestKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:  # noqa: ARG002 - keys are not forgotten
        if key not in self._claims:
            self._claims[key] = request_hash, candidate_id
            return Claim(candidate_id, replayed=False)
        stored_hash, tweet_id = self._claims[key]
        if stored_hash != request_hash:
            raise RequestIdReused
        return Claim(tweet_id, replayed=True)

    async def insert(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        if tweet.tweet_id in self._tweets:
            return
        self._outbox.append(announce, at_us=at_us)
        self._tweets[tweet.tweet_id] = tweet
        self._ids_of_authors.setdefault(tweet.user_id, []).append(tweet.tweet_id)
        if tweet.in_reply_to_tweet_id:
            self._ids_of_replies.setdefault(tweet.in_reply_to_tweet_id, []).append(tweet.tweet_id)

    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        stored = self._tweets.get(tweet.tweet_id)
        if stored is not None and not stored.is_deleted:
            self._outbox.append(announce, at_us=at_us)
            self._tweets[tweet.tweet_id] = replace(stored, content="", is_deleted=True)

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, Tweet]:
        return {tweet_id: self._tweets[tweet_id] for tweet_id in tweet_ids if tweet_id in self._tweets}

    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        found = {}
        for user_id in user_ids:
            ids = [
                id_
                for id_ in self._live(self._ids_of_authors.get(user_id, ()), below)
                if id_ > above and not (exclude_replies and self._tweets[id_].in_reply_to_tweet_id)
            ]
            if ids:
                found[user_id] = ids[:limit]
        return found

    async def list_reply_ids(self, tweet_id: int, *, below: int, limit: int) -> list[int]:
        return self._live(self._ids_of_replies.get(tweet_id, ()), below)[:limit]

    async def ping(self) -> None:
        """It is always there."""

    def _live(self, ids: Iterable[int], below: int) -> list[int]:
        """Those below an id, 0 for all, newest first, without deleted tweets."""
        live = (id_ for id_ in ids if (not below or id_ < below) and not self._tweets[id_].is_deleted)
        return sorted(live, reverse=True)

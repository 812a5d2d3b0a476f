"""TweetStore on Cassandra: one tweet in up to five partitions, all with timestamps that its id fixes.

A repeated insert writes the same cells with the same timestamps, so it may come at any time: before, between and after
a delete, whose timestamp is always the later one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.ids import id_time_us
from mesh.storage.cassandra import Call, Cassandra, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from tweet_svc.model import Claim, RequestIdReused, RequestKey, Tweet
from tweet_svc.store.interface import TweetStore

KEYS_KEPT_SECONDS = 48 * 3600
# A claim whose outcome is not known is tried again while there is no row.
MOST_TRIES = 3
# How many statements of one call are in flight.
AUTHORS_AT_ONCE = 32
TWEETS_AT_ONCE = 64
# How many rows a statement gives at most.
MOST_ROWS = 2_000
NO_END = 2**63 - 1

_CLAIM = Statement(
    "tweets.claim",
    "INSERT INTO request_keys (user_id, method, request_key, request_hash, tweet_id) VALUES (?, ?, ?, ?, ?)"
    " IF NOT EXISTS USING TTL ?",
)
_CLAIMED = Statement(
    "tweets.claimed",
    "SELECT request_hash, tweet_id FROM request_keys WHERE user_id = ? AND method = ? AND request_key = ?",
    is_serial=True,
)
_GET = Statement(
    "tweets.get",
    "SELECT user_id, content, in_reply_to_tweet_id, conversation_id, is_deleted FROM tweet_by_id WHERE tweet_id = ?",
)
_INSERT = Statement(
    "tweets.insert",
    "INSERT INTO tweet_by_id (tweet_id, user_id, content, in_reply_to_tweet_id, conversation_id)"
    " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?",
)
_INSERT_MONTH = Statement(
    "tweets.insert_month", "INSERT INTO tweet_months (user_id, month) VALUES (?, ?) USING TIMESTAMP ?"
)
_INSERT_OF_USER = Statement(
    "tweets.insert_of_user",
    "INSERT INTO tweets_by_user (user_id, month, tweet_id, is_reply) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
)
_INSERT_REPLY_MONTH = Statement(
    "tweets.insert_reply_month", "INSERT INTO reply_months (parent_id, month) VALUES (?, ?) USING TIMESTAMP ?"
)
_INSERT_REPLY = Statement(
    "tweets.insert_reply", "INSERT INTO replies (parent_id, month, tweet_id) VALUES (?, ?, ?) USING TIMESTAMP ?"
)
_DELETE = Statement(
    "tweets.delete", "UPDATE tweet_by_id USING TIMESTAMP ? SET content = '', is_deleted = true WHERE tweet_id = ?"
)
_DELETE_OF_USER = Statement(
    "tweets.delete_of_user",
    "UPDATE tweets_by_user USING TIMESTAMP ? SET is_deleted = true WHERE user_id = ? AND month = ? AND tweet_id = ?",
)
_DELETE_REPLY = Statement(
    "tweets.delete_reply",
    "UPDATE replies USING TIMESTAMP ? SET is_deleted = true WHERE parent_id = ? AND month = ? AND tweet_id = ?",
)


@dataclass(frozen=True, slots=True)
class _List:
    """A list in partitions of a month: which months there are, and ids with marks. A row with a mark is not shown."""

    months: Statement
    rows: Statement


_TWEET_MONTHS = Statement(
    "tweets.months", "SELECT month FROM tweet_months WHERE user_id = ? AND month >= ? AND month <= ?"
)
_OF_AUTHOR = _List(
    _TWEET_MONTHS,
    Statement(
        "tweets.of_author",
        "SELECT tweet_id, is_deleted FROM tweets_by_user"
        " WHERE user_id = ? AND month = ? AND tweet_id < ? AND tweet_id > ? LIMIT ?",
    ),
)
_OF_AUTHOR_WITHOUT_REPLIES = _List(
    _TWEET_MONTHS,
    Statement(
        "tweets.of_author_without_replies",
        "SELECT tweet_id, is_deleted, is_reply FROM tweets_by_user"
        " WHERE user_id = ? AND month = ? AND tweet_id < ? AND tweet_id > ? LIMIT ?",
    ),
)
_REPLIES = _List(
    Statement(
        "tweets.reply_months", "SELECT month FROM reply_months WHERE parent_id = ? AND month >= ? AND month <= ?"
    ),
    Statement(
        "tweets.replies",
        "SELECT tweet_id, is_deleted FROM replies"
        " WHERE parent_id = ? AND month = ? AND tweet_id < ? AND tweet_id > ? LIMIT ?",
    ),
)

K = TypeVar("K")
V = TypeVar("V")


class CassandraTweetStore(TweetStore):
    """The tables of schema/cassandra, and the outbox in the same keyspace."""

    def __init__(self, cassandra: Cassandra, outbox: CassandraOutbox) -> None:
        self._cassandra = cassandra
        self._outbox = outbox

    async def claim(
        self,
        key: RequestKey,
        *,
        request_hash: bytes,
        candidate_id: int,
        at_us: int,  # noqa: ARG002 - the cluster's clock counts the age of keys
    ) -> Claim:
        name = (key.user_id, key.method, key.key)
        was_unknown = False
        for _ in range(MOST_TRIES):
            try:
                if await self._cassandra.applied(_CLAIM, *name, request_hash, candidate_id, KEYS_KEPT_SECONDS):
                    return Claim(candidate_id, replayed=False)
            except Unavailable:
                was_unknown = True
            for stored_hash, stored_id in await self._cassandra.run(_CLAIMED, *name):
                if stored_hash != request_hash:
                    raise RequestIdReused
                # After a lost answer the row may be that of this very call.
                return Claim(stored_id, replayed=not (was_unknown and stored_id == candidate_id))
        raise Unavailable.backend("the store")

    async def insert(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        if await self._get(tweet.tweet_id) is not None:
            return
        written_us, month, answers = _written_us(tweet), _month(tweet.tweet_id), tweet.in_reply_to_tweet_id
        body = (tweet.tweet_id, tweet.user_id, tweet.content, answers, tweet.conversation_id, written_us)
        calls: list[Call] = [
            (_INSERT, body),
            (_INSERT_OF_USER, (tweet.user_id, month, tweet.tweet_id, answers != 0, written_us)),
            (_INSERT_MONTH, (tweet.user_id, month, written_us)),
        ]
        if answers:
            calls.append((_INSERT_REPLY, (answers, month, tweet.tweet_id, written_us)))
            calls.append((_INSERT_REPLY_MONTH, (answers, month, written_us)))
        await self._outbox.commit("tweets.insert", *calls, announce=announce, at_us=at_us)

    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        stored = await self._get(tweet.tweet_id)
        if stored is None or stored.is_deleted:
            return
        # An id may be ahead of the clock.
        deleted_us, month = max(at_us, _written_us(stored) + 1), _month(stored.tweet_id)
        calls: list[Call] = [
            (_DELETE, (deleted_us, stored.tweet_id)),
            (_DELETE_OF_USER, (deleted_us, stored.user_id, month, stored.tweet_id)),
        ]
        if stored.in_reply_to_tweet_id:
            calls.append((_DELETE_REPLY, (deleted_us, stored.in_reply_to_tweet_id, month, stored.tweet_id)))
        await self._outbox.commit("tweets.delete", *calls, announce=announce, at_us=at_us)

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, Tweet]:
        found = await _each(tweet_ids, self._get, at_once=TWEETS_AT_ONCE)
        return {tweet_id: tweet for tweet_id, tweet in found.items() if tweet is not None}

    async def _get(self, tweet_id: int) -> Tweet | None:
        for user_id, content, parent_id, conversation_id, is_deleted in await self._cassandra.run(_GET, tweet_id):
            return Tweet(tweet_id, user_id, content, parent_id, conversation_id, bool(is_deleted))
        return None

    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        listed = _OF_AUTHOR_WITHOUT_REPLIES if exclude_replies else _OF_AUTHOR

        async def newest(user_id: int) -> list[int]:
            return await self._newest(listed, user_id, below=below, above=above, limit=limit)

        found = await _each(user_ids, newest, at_once=AUTHORS_AT_ONCE)
        return {user_id: ids for user_id, ids in found.items() if ids}

    async def list_reply_ids(self, tweet_id: int, *, below: int, limit: int) -> list[int]:
        return await self._newest(_REPLIES, tweet_id, below=below, above=0, limit=limit)

    async def _newest(self, listed: _List, key: int, *, below: int, above: int, limit: int) -> list[int]:
        below = below or NO_END
        months = await self._cassandra.run(listed.months, key, _month(above), _month(below))
        found: list[int] = []
        for (month,) in months:
            found += await self._newest_of_month(
                listed.rows, (key, month), below=below, above=above, limit=limit - len(found)
            )
            if len(found) == limit:
                break
        return found

    async def _newest_of_month(
        self, rows_of: Statement, partition: tuple[int, int], *, below: int, above: int, limit: int
    ) -> list[int]:
        found: list[int] = []
        hidden = 0
        while True:
            # As many more as there were hidden ones: a long run of them is passed in few steps.
            size = min(limit - len(found) + hidden, MOST_ROWS)
            rows = await self._cassandra.run(rows_of, *partition, below, above, size)
            shown = [tweet_id for tweet_id, *marks in rows if not any(marks)]
            found += shown
            hidden += len(rows) - len(shown)
            if len(rows) < size or len(found) >= limit:
                return found[:limit]
            below = rows[-1][0]

    async def ping(self) -> None:
        await self._cassandra.ping()


def _written_us(tweet: Tweet) -> int:
    """The write timestamp of a tweet: the microsecond of its id, whoever writes it and when."""
    return id_time_us(tweet.tweet_id)


def _month(tweet_id: int) -> int:
    day = datetime.fromtimestamp(id_time_us(tweet_id) // 1_000_000, UTC)
    return day.year * 100 + day.month


async def _each(keys: Iterable[K], ask: Callable[[K], Awaitable[V]], *, at_once: int) -> dict[K, V]:
    """The answer for each key, `at_once` at a time."""
    waiting = list(dict.fromkeys(keys))
    answers: dict[K, V] = {}

    async def some() -> None:
        while waiting:
            key = waiting.pop()
            answers[key] = await ask(key)

    try:
        await asyncio.gather(*(some() for _ in range(min(at_once, len(waiting)))))
    finally:
        waiting.clear()  # after a failure the others end with what they are at
    return answers

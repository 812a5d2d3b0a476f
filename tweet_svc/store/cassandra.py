"""TweetStore on Cassandra: one tweet in up to five partitions, all with timestamps that its id fixes.

A repeated insert writes the same cells with the same timestamps, so it may come at any time: before, between and after
a delete, whose timestamp is always the later one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.ids import id_time_us
from mesh.storage.cassandra import Call, Cassandra, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox
from tweet_svc.model import Claim, RequestIdReused, RequestKey, Tweet
from tweet_svc.store.cassandra_lists import OF_AUTHOR, OF_AUTHOR_WITHOUT_REPLIES, REPLIES, month_of, newest
from tweet_svc.store.interface import TweetStore

KEYS_KEPT_SECONDS = 48 * 3600
# A claim whose outcome is not known is tried again while there is no row.
MOST_TRIES = 3

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
    "SELECT tweet_id, user_id, content, in_reply_to_tweet_id, conversation_id, is_deleted FROM tweet_by_id"
    " WHERE tweet_id IN ?",
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
        stored = await self._get(tweet.tweet_id)
        if stored is not None:
            await self._write_again("tweets.insert_again", _lists(stored))
            return
        answers, parts = tweet.in_reply_to_tweet_id, (tweet.tweet_id, tweet.user_id, tweet.content)
        body = (_INSERT, (*parts, answers, tweet.conversation_id, _written_us(tweet)))
        await self._outbox.commit("tweets.insert", body, *_lists(tweet), announce=announce, at_us=at_us)

    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        stored = await self._get(tweet.tweet_id)
        if stored is None:
            return
        # An id may be ahead of the clock.
        deleted_us, month = max(at_us, _written_us(stored) + 1), month_of(stored.tweet_id)
        lists: list[Call] = [(_DELETE_OF_USER, (deleted_us, stored.user_id, month, stored.tweet_id))]
        if stored.in_reply_to_tweet_id:
            lists.append((_DELETE_REPLY, (deleted_us, stored.in_reply_to_tweet_id, month, stored.tweet_id)))
        if stored.is_deleted:
            await self._write_again("tweets.delete_again", lists)
            return
        body = (_DELETE, (deleted_us, stored.tweet_id))
        await self._outbox.commit("tweets.delete", body, *lists, announce=announce, at_us=at_us)

    async def _write_again(self, name: str, lists: list[Call]) -> None:
        """The call that wrote the row may have been cut off before the lists. It wrote them down, but who repeats it
        is told that it is done, and an outbox worker may come to it only later.
        """
        await self._cassandra.write(name, *await self._cassandra.encoded(*lists))

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, Tweet]:
        rows = await self._cassandra.run_in(_GET, tweet_ids)
        return {
            tweet_id: Tweet(tweet_id, user_id, content, parent_id, conversation_id, bool(is_deleted))
            for tweet_id, user_id, content, parent_id, conversation_id, is_deleted in rows
        }

    async def _get(self, tweet_id: int) -> Tweet | None:
        return (await self.get_many([tweet_id])).get(tweet_id)

    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        listed = OF_AUTHOR_WITHOUT_REPLIES if exclude_replies else OF_AUTHOR
        return await newest(self._cassandra, listed, user_ids, below=below, above=above, limit=limit)

    async def list_reply_ids(self, tweet_id: int, *, below: int, limit: int) -> list[int]:
        found = await newest(self._cassandra, REPLIES, [tweet_id], below=below, above=0, limit=limit)
        return found.get(tweet_id, [])

    async def ping(self) -> None:
        await self._cassandra.ping()


def _lists(tweet: Tweet) -> list[Call]:
    """What brings a tweet into the lists."""
    tweet_id, answers = tweet.tweet_id, tweet.in_reply_to_tweet_id
    written_us, month = _written_us(tweet), month_of(tweet_id)
    lists: list[Call] = [
        (_INSERT_OF_USER, (tweet.user_id, month, tweet_id, answers != 0, written_us)),
        (_INSERT_MONTH, (tweet.user_id, month, written_us)),
    ]
    if answers:
        lists.append((_INSERT_REPLY, (answers, month, tweet_id, written_us)))
        lists.append((_INSERT_REPLY_MONTH, (answers, month, written_us)))
    return lists


def _written_us(tweet: Tweet) -> int:
    """The write timestamp of a tweet: the microsecond of its id, whoever writes it and when."""
    return id_time_us(tweet.tweet_id)

"""TweetStore on one SQLite file: what the mesh runs on when no cluster is named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import apsw

from mesh.events.interface import OutboxEvent
from mesh.storage.outbox import append
from mesh.storage.sqlite import SqliteDatabase
from tweet_svc.model import Claim, RequestIdReused, RequestKey, Tweet
from tweet_svc.store.interface import TweetStore

KEYS_KEPT = timedelta(hours=48)
MOST_KEYS_FORGOTTEN = 4
AUTHORS_AT_ONCE = 50
NO_END = 2**63 - 1

_NEWEST_IDS = """SELECT tweet_id FROM tweets WHERE user_id = ? AND tweet_id < ? AND tweet_id > ? AND deleted_us IS NULL
    ORDER BY tweet_id DESC LIMIT ?"""
_NEWEST_IDS_WITHOUT_REPLIES = _NEWEST_IDS.replace("ORDER BY", "AND in_reply_to_tweet_id = 0 ORDER BY")


class SqliteTweetStore(TweetStore):
    """The tables of schema/sqlite, and the outbox beside them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def claim(self, key: RequestKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        def work(connection: apsw.Connection) -> Claim:
            _forget_old_keys(connection, before_us=at_us - int(KEYS_KEPT / timedelta(microseconds=1)))
            stored = connection.execute(
                "SELECT request_hash, tweet_id FROM request_keys WHERE user_id = ? AND method = ? AND request_key = ?",
                (key.user_id, key.method, key.key),
            ).fetchone()
            if stored is None:
                connection.execute(
                    "INSERT INTO request_keys VALUES (?, ?, ?, ?, ?, ?)",
                    (key.user_id, key.method, key.key, request_hash, candidate_id, at_us),
                )
                return Claim(candidate_id, replayed=False)
            if stored[0] != request_hash:
                raise RequestIdReused
            return Claim(stored[1], replayed=True)

        return await self._database.write(work)

    async def insert(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        def work(connection: apsw.Connection) -> None:
            inserted = connection.execute(
                "INSERT INTO tweets (tweet_id, user_id, content, in_reply_to_tweet_id, conversation_id)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING tweet_id",
                (tweet.tweet_id, tweet.user_id, tweet.content, tweet.in_reply_to_tweet_id, tweet.conversation_id),
            ).fetchall()
            if inserted:
                append(connection, announce, at_us=at_us)

        await self._database.write(work)

    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        def work(connection: apsw.Connection) -> None:
            deleted = connection.execute(
                "UPDATE tweets SET deleted_us = ?, content = '' WHERE tweet_id = ? AND deleted_us IS NULL"
                " RETURNING tweet_id",
                (at_us, tweet.tweet_id),
            ).fetchall()
            if deleted:
                append(connection, announce, at_us=at_us)

        await self._database.write(work)

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, Tweet]:
        rows: list[tuple[Any, ...]] = self._database.read(
            lambda connection: connection.execute(
                "SELECT tweet_id, user_id, content, in_reply_to_tweet_id, conversation_id, deleted_us IS NOT NULL"
                " FROM tweets WHERE tweet_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(tweet_ids)),),
            ).fetchall()
        )
        return {
            tweet_id: Tweet(tweet_id, user_id, content, parent_id, conversation_id, bool(is_deleted))
            for tweet_id, user_id, content, parent_id, conversation_id, is_deleted in rows
        }

    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        query = _NEWEST_IDS_WITHOUT_REPLIES if exclude_replies else _NEWEST_IDS
        found: dict[int, list[int]] = {}
        for start in range(0, len(user_ids), AUTHORS_AT_ONCE):
            some = user_ids[start : start + AUTHORS_AT_ONCE]
            found |= self._database.read(partial(_newest_ids, query, some, (below or NO_END, above, limit)))
            await asyncio.sleep(0)  # reads run on the event loop: let other calls in between
        return {user_id: ids for user_id, ids in found.items() if ids}

    async def list_reply_ids(self, tweet_id: int, *, below: int, limit: int) -> list[int]:
        rows: list[tuple[Any, ...]] = self._database.read(
            lambda connection: connection.execute(
                "SELECT tweet_id FROM tweets WHERE in_reply_to_tweet_id = ? AND in_reply_to_tweet_id <> 0"
                " AND tweet_id < ? AND deleted_us IS NULL ORDER BY tweet_id DESC LIMIT ?",
                (tweet_id, below or NO_END, limit),
            ).fetchall()
        )
        return [row[0] for row in rows]

    async def ping(self) -> None:
        self._database.read(lambda connection: connection.execute("SELECT 1").fetchall())


def _newest_ids(
    query: str, user_ids: Sequence[int], bounds: tuple[int, int, int], connection: apsw.Connection
) -> dict[int, list[int]]:
    found = {}
    for user_id in user_ids:
        rows: list[tuple[Any, ...]] = connection.execute(query, (user_id, *bounds)).fetchall()
        found[user_id] = [row[0] for row in rows]
    return found


def _forget_old_keys(connection: apsw.Connection, *, before_us: int) -> None:
    # A few with every claim: the table stays as large as two days of claims, and no claim pays for many.
    connection.execute(
        "DELETE FROM request_keys WHERE rowid IN"
        " (SELECT rowid FROM request_keys WHERE created_us < ? ORDER BY created_us LIMIT ?)",
        (before_us, MOST_KEYS_FORGOTTEN),
    )

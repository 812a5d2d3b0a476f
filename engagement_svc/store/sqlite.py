"""EngagementStore on one SQLite file: what the mesh runs on when no cluster is named."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import starmap
from typing import Any

import apsw

from engagement_svc.model import Drift, Engagement, LikeEdge, Liking
from engagement_svc.store.interface import EngagementStore
from mesh.storage.sqlite import SqliteDatabase

NO_END = 2**63 - 1

_LIKE = "SELECT user_id, tweet_id, edge_id, created_us, op_time_us, is_live FROM likes"
# carray binds all ids as one value: one prepared statement for any number of them.
_ENGAGEMENTS = """SELECT value, coalesce(likes_count, 0), coalesce(replies_count, 0),
    EXISTS (SELECT 1 FROM likes WHERE user_id = ?2 AND tweet_id = value AND is_live = 1)
    FROM carray(?1) LEFT JOIN tweet_counts ON tweet_id = value"""
_TWEETS_COUNTS = """SELECT value, coalesce(tweets_count, 0)
    FROM carray(?1) LEFT JOIN author_counts ON author_id = value"""
_DRIFTS = """
WITH liked (id, actual) AS (SELECT tweet_id, count(*) FROM likes WHERE is_live = 1 GROUP BY 1),
    replied (id, actual) AS (SELECT parent_id, count(*) FROM tweets WHERE is_live = 1 AND parent_id <> 0 GROUP BY 1),
    posted (id, actual) AS (SELECT author_id, count(*) FROM tweets WHERE is_live = 1 GROUP BY 1),
    counted (what, id, kept, actual) AS (
        SELECT 'likes', id, likes_count, actual
            FROM liked FULL JOIN (SELECT tweet_id AS id, likes_count FROM tweet_counts) USING (id)
        UNION ALL SELECT 'replies', id, replies_count, actual
            FROM replied FULL JOIN (SELECT tweet_id AS id, replies_count FROM tweet_counts) USING (id)
        UNION ALL SELECT 'tweets', id, tweets_count, actual
            FROM posted FULL JOIN (SELECT author_id AS id, tweets_count FROM author_counts) USING (id))
SELECT id, what, coalesce(kept, 0), coalesce(actual, 0) FROM counted WHERE coalesce(kept, 0) <> coalesce(actual, 0)"""


class SqliteEngagementStore(EngagementStore):
    """The tables of schema/sqlite."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def like(self, user_id: int, tweet_id: int, *, new_edge_id: int, now_us: int) -> Liking:
        def work(connection: apsw.Connection) -> Liking:
            edge = _stored_like(connection, user_id, tweet_id)
            if edge is None:
                edge = LikeEdge(user_id, tweet_id, new_edge_id, now_us, now_us, is_live=True)
                _save(connection, edge)
            elif not edge.is_live:
                edge = edge.changed(is_live=True, now_us=now_us)
                _save(connection, edge)
            return Liking(edge, _likes_count(connection, tweet_id))

        return await self._database.write(work)

    async def unlike(self, user_id: int, tweet_id: int, *, now_us: int) -> Liking | None:
        def work(connection: apsw.Connection) -> Liking | None:
            edge = _stored_like(connection, user_id, tweet_id)
            if edge is None:
                return None
            if edge.is_live:
                edge = edge.changed(is_live=False, now_us=now_us)
                _save(connection, edge)
            return Liking(edge, _likes_count(connection, tweet_id))

        return await self._database.write(work)

    async def likes(self, tweet_id: int, *, below_edge_id: int, limit: int) -> list[LikeEdge]:
        query = f"{_LIKE} WHERE tweet_id = ? AND edge_id < ? AND is_live = 1 ORDER BY edge_id DESC LIMIT ?"
        return [_like(row) for row in self._read(query, tweet_id, below_edge_id or NO_END, limit)]

    async def engagements(self, tweet_ids: Sequence[int], *, viewer_id: int) -> list[Engagement]:
        if not tweet_ids:
            return []
        rows = self._read(_ENGAGEMENTS, apsw.carray(array("q", tweet_ids)), viewer_id)
        return [Engagement(tweet_id, likes, replies, liked == 1) for tweet_id, likes, replies, liked in rows]

    async def add_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        def work(connection: apsw.Connection) -> None:
            added = connection.execute(
                "INSERT INTO tweets VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING RETURNING tweet_id",
                (tweet_id, author_id, parent_id),
            ).fetchall()
            if added:
                _count_tweet(connection, 1, author_id=author_id, parent_id=parent_id)

        await self._database.write(work)

    async def remove_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        def work(connection: apsw.Connection) -> None:
            removed: list[Any] = connection.execute(
                "UPDATE tweets SET is_live = 0 WHERE tweet_id = ? AND is_live = 1 RETURNING author_id, parent_id",
                (tweet_id,),
            ).fetchall()
            for counted_author_id, counted_parent_id in removed:
                _count_tweet(connection, -1, author_id=counted_author_id, parent_id=counted_parent_id)
            connection.execute(
                "INSERT INTO tweets VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING", (tweet_id, author_id, parent_id)
            )

        await self._database.write(work)

    async def tweets_counts(self, author_ids: Sequence[int]) -> dict[int, int]:
        if not author_ids:
            return {}
        return dict(self._read(_TWEETS_COUNTS, apsw.carray(array("q", author_ids))))

    async def drifts(self) -> list[Drift]:
        return list(starmap(Drift, self._read(_DRIFTS)))

    async def ping(self) -> None:
        self._read("SELECT 1")

    def _read(self, query: str, *bindings: int | apsw.CArrayBinding) -> list[Any]:
        rows: list[Any] = self._database.read(lambda connection: connection.execute(query, bindings).fetchall())
        return rows


def _stored_like(connection: apsw.Connection, user_id: int, tweet_id: int) -> LikeEdge | None:
    rows = connection.execute(f"{_LIKE} WHERE user_id = ? AND tweet_id = ?", (user_id, tweet_id)).fetchall()
    return _like(rows[0]) if rows else None


def _like(row: tuple[Any, ...]) -> LikeEdge:
    user_id, tweet_id, edge_id, created_us, op_time_us, is_live = row
    return LikeEdge(user_id, tweet_id, edge_id, created_us, op_time_us, is_live == 1)


def _save(connection: apsw.Connection, edge: LikeEdge) -> None:
    """The edge, which differs from the stored one in its state, and the count."""
    connection.execute(
        "INSERT INTO likes VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET op_time_us = excluded.op_time_us, is_live = excluded.is_live",
        (edge.user_id, edge.tweet_id, edge.edge_id, edge.created_us, edge.op_time_us, int(edge.is_live)),
    )
    connection.execute(
        "INSERT INTO tweet_counts (tweet_id, likes_count) VALUES (?1, ?2)"
        " ON CONFLICT DO UPDATE SET likes_count = likes_count + ?2",
        (edge.tweet_id, 1 if edge.is_live else -1),
    )


def _likes_count(connection: apsw.Connection, tweet_id: int) -> int:
    rows: list[Any] = connection.execute(
        "SELECT likes_count FROM tweet_counts WHERE tweet_id = ?", (tweet_id,)
    ).fetchall()
    return int(rows[0][0]) if rows else 0


def _count_tweet(connection: apsw.Connection, step: int, *, author_id: int, parent_id: int) -> None:
    connection.execute(
        "INSERT INTO author_counts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET tweets_count = tweets_count + ?2",
        (author_id, step),
    )
    if parent_id:
        connection.execute(
            "INSERT INTO tweet_counts (tweet_id, replies_count) VALUES (?1, ?2)"
            " ON CONFLICT DO UPDATE SET replies_count = replies_count + ?2",
            (parent_id, step),
        )

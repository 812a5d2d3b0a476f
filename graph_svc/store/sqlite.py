"""GraphStore on one SQLite file: what the mesh runs on when no cluster is named."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import astuple, replace
from itertools import starmap
from typing import Any

import apsw

from graph_svc.author_class import BEFORE_THE_NEWEST, Stage, Standing, first_cursor
from graph_svc.model import AuthorClass, Drift, FollowEdge, Followee, FollowerIds, GraphCounts, Relationship
from graph_svc.store.interface import Announce, GraphStore
from mesh.events.interface import OutboxEvent
from mesh.storage.outbox import append
from mesh.storage.sqlite import SqliteDatabase

_EDGE = "SELECT follower_id, followee_id, edge_id, created_us, op_time_us, is_live FROM follows"
_STANDING = "SELECT author_id, stage, since_us, cursor, event_id, version FROM author_standings"
# carray binds all ids as one value: one prepared statement for any number of them.
_RELATIONSHIPS = """SELECT value,
    EXISTS (SELECT 1 FROM follows WHERE follower_id = ?1 AND followee_id = value AND is_live = 1),
    EXISTS (SELECT 1 FROM follows WHERE follower_id = value AND followee_id = ?1 AND is_live = 1)
    FROM carray(?2)"""
_COUNTS = """SELECT value, coalesce(followers_count, 0), coalesce(following_count, 0), coalesce(stage, 1)
    FROM carray(?1) LEFT JOIN user_counts ON user_id = value LEFT JOIN author_standings ON author_id = value"""
_FOLLOWEES = """SELECT followee_id, edge_id, coalesce(stage, 1)
    FROM follows LEFT JOIN author_standings ON author_id = followee_id
    WHERE follower_id = ? AND edge_id < ? AND is_live = 1 ORDER BY edge_id DESC LIMIT ?"""
_DRIFTS = """
WITH followed (id, actual) AS (SELECT followee_id, count(*) FROM follows WHERE is_live = 1 GROUP BY 1),
    following (id, actual) AS (SELECT follower_id, count(*) FROM follows WHERE is_live = 1 GROUP BY 1),
    counted (what, id, kept, actual) AS (
        SELECT 'followers', id, followers_count, actual
            FROM followed FULL JOIN (SELECT user_id AS id, followers_count FROM user_counts) USING (id)
        UNION ALL SELECT 'following', id, following_count, actual
            FROM following FULL JOIN (SELECT user_id AS id, following_count FROM user_counts) USING (id)
        UNION ALL SELECT 'indexed followers', author_id,
                (SELECT count(*) FROM following_pull AS pull WHERE pull.author_id = standing.author_id),
                (SELECT actual FROM followed WHERE id = author_id AND stage <> 1)
            FROM author_standings AS standing WHERE stage IN (1, 3, 4)
        UNION ALL SELECT 'indexed strangers', author_id, count(*), 0 FROM following_pull AS pull
            WHERE NOT EXISTS (SELECT 1 FROM follows
                WHERE follower_id = pull.follower_id AND followee_id = pull.author_id AND is_live = 1)
            GROUP BY author_id)
SELECT id, what, coalesce(kept, 0), coalesce(actual, 0) FROM counted WHERE coalesce(kept, 0) <> coalesce(actual, 0)"""


class SqliteGraphStore(GraphStore):
    """The tables of schema/sqlite, and the outbox beside them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        def work(connection: apsw.Connection) -> FollowEdge:
            stored = _edge(connection, follower_id, followee_id)
            if stored is not None and stored.is_live:
                return stored
            if stored is None:
                edge = FollowEdge(follower_id, followee_id, new_edge_id, now_us, now_us, is_live=True)
            else:
                edge = stored.changed(is_live=True, now_us=now_us)
            _save(connection, edge, announce(edge), now_us=now_us)
            if _standing(connection, followee_id).stage.author_class is not AuthorClass.PUSH:
                connection.execute(
                    "INSERT INTO following_pull VALUES (?, ?) ON CONFLICT DO NOTHING", (follower_id, followee_id)
                )
            return edge

        return await self._database.write(work)

    async def unfollow(
        self, follower_id: int, followee_id: int, *, now_us: int, announce: Announce
    ) -> FollowEdge | None:
        def work(connection: apsw.Connection) -> FollowEdge | None:
            stored = _edge(connection, follower_id, followee_id)
            if stored is None or not stored.is_live:
                return stored
            edge = stored.changed(is_live=False, now_us=now_us)
            _save(connection, edge, announce(edge), now_us=now_us)
            connection.execute(
                "DELETE FROM following_pull WHERE follower_id = ? AND author_id = ?", (follower_id, followee_id)
            )
            return edge

        return await self._database.write(work)

    async def complete(self, follower_id: int, followee_id: int, *, op_time_us: int) -> None:
        """Nothing is left to do: the write was everything."""

    async def followers(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        query = f"{_EDGE} WHERE followee_id = ? AND edge_id < ? AND is_live = 1 ORDER BY edge_id DESC LIMIT ?"
        return _edges(self._read(query, user_id, below_edge_id or BEFORE_THE_NEWEST, limit))

    async def following(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        query = f"{_EDGE} WHERE follower_id = ? AND edge_id < ? AND is_live = 1 ORDER BY edge_id DESC LIMIT ?"
        return _edges(self._read(query, user_id, below_edge_id or BEFORE_THE_NEWEST, limit))

    async def follower_ids(self, user_id: int, *, below_edge_id: int, limit: int) -> FollowerIds:
        query = """SELECT follower_id, edge_id FROM follows WHERE followee_id = ? AND edge_id < ? AND is_live = 1
            ORDER BY edge_id DESC LIMIT ?"""
        rows = self._read(query, user_id, below_edge_id or BEFORE_THE_NEWEST, limit + 1)
        page = rows[:limit]
        return FollowerIds([row[0] for row in page], page[-1][1] if len(rows) > limit else 0)

    async def followees(self, user_id: int, *, below_edge_id: int, limit: int) -> list[Followee]:
        rows = self._read(_FOLLOWEES, user_id, below_edge_id or BEFORE_THE_NEWEST, limit)
        return [Followee(other_id, edge_id, Stage(stage).author_class) for other_id, edge_id, stage in rows]

    async def counts(self, user_ids: Sequence[int]) -> dict[int, GraphCounts]:
        if not user_ids:
            return {}
        rows = self._read(_COUNTS, _array(user_ids))
        return {
            user_id: GraphCounts(followers, following, Stage(stage).author_class)
            for user_id, followers, following, stage in rows
        }

    async def follows_version(self, user_id: int) -> int:
        rows = self._read("SELECT follows_version FROM user_counts WHERE user_id = ?", user_id)
        return int(rows[0][0]) if rows else 0

    async def pulled_authors(self, user_id: int) -> list[int]:
        rows = self._read("SELECT author_id FROM following_pull WHERE follower_id = ? ORDER BY author_id", user_id)
        return [row[0] for row in rows]

    async def relationships(self, user_id: int, other_ids: Sequence[int]) -> list[Relationship]:
        if not other_ids:
            return []
        rows = self._read(_RELATIONSHIPS, user_id, _array(other_ids))
        return [Relationship(other_id, following == 1, followed == 1) for other_id, following, followed in rows]

    async def standing(self, author_id: int) -> Standing:
        return self._database.read(lambda connection: _standing(connection, author_id))

    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        event_id = announce.event_id if announce else 0
        begun = Standing(standing.author_id, stage, now_us, first_cursor(stage), event_id, standing.version + 1)

        def work(connection: apsw.Connection) -> Standing | None:
            if _standing(connection, standing.author_id).version != standing.version:
                return None
            _put(connection, begun)
            if announce is not None:
                append(connection, announce, at_us=now_us)
            return begun

        return await self._database.write(work)

    async def unsettled(self, *, above_author_id: int, limit: int) -> list[Standing]:
        query = f"{_STANDING} WHERE stage IN (2, 3, 5, 6) AND author_id > ? ORDER BY author_id LIMIT ?"
        return [_standing_of(row) for row in self._read(query, above_author_id, limit)]

    async def index_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        return await self._work_off(standing, "INSERT INTO following_pull VALUES (?, ?) ON CONFLICT DO NOTHING", limit)

    async def unindex_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        return await self._work_off(
            standing, "DELETE FROM following_pull WHERE follower_id = ? AND author_id = ?", limit
        )

    async def _work_off(self, standing: Standing, statement: str, limit: int) -> Standing | None:
        """Run the statement for the author and each of the next followers, and move the cursor."""

        def work(connection: apsw.Connection) -> Standing | None:
            if _standing(connection, standing.author_id).version != standing.version:
                return None
            query = """SELECT follower_id, edge_id FROM follows WHERE followee_id = ? AND edge_id < ? AND is_live = 1
                ORDER BY edge_id DESC LIMIT ?"""
            rows: list[Any] = connection.execute(query, (standing.author_id, standing.cursor, limit)).fetchall()
            connection.executemany(statement, [(follower_id, standing.author_id) for follower_id, _ in rows])
            _renew_versions(connection, [follower_id for follower_id, _ in rows])
            cursor = rows[-1][1] if len(rows) == limit else 0
            moved = replace(standing, cursor=cursor, version=standing.version + 1)
            _put(connection, moved)
            return moved

        return await self._database.write(work)

    async def drifts(self) -> list[Drift]:
        return list(starmap(Drift, self._read(_DRIFTS)))

    async def ping(self) -> None:
        self._read("SELECT 1")

    def _read(self, query: str, *bindings: int | apsw.CArrayBinding) -> list[Any]:
        rows: list[Any] = self._database.read(lambda connection: connection.execute(query, bindings).fetchall())
        return rows


def _array(ids: Sequence[int]) -> apsw.CArrayBinding:
    return apsw.carray(array("q", ids))


def _edge(connection: apsw.Connection, follower_id: int, followee_id: int) -> FollowEdge | None:
    query = f"{_EDGE} WHERE follower_id = ? AND followee_id = ?"
    edges = _edges(connection.execute(query, (follower_id, followee_id)).fetchall())
    return edges[0] if edges else None


def _edges(rows: list[Any]) -> list[FollowEdge]:
    return [
        FollowEdge(follower_id, followee_id, edge_id, created_us, op_time_us, is_live == 1)
        for follower_id, followee_id, edge_id, created_us, op_time_us, is_live in rows
    ]


def _save(connection: apsw.Connection, edge: FollowEdge, event: OutboxEvent, *, now_us: int) -> None:
    """The edge, which differs from the stored one in its state, both counts and the event."""
    connection.execute(
        "INSERT INTO follows VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET op_time_us = excluded.op_time_us, is_live = excluded.is_live",
        (edge.follower_id, edge.followee_id, edge.edge_id, edge.created_us, edge.op_time_us, int(edge.is_live)),
    )
    step = 1 if edge.is_live else -1
    connection.execute(
        "INSERT INTO user_counts (user_id, followers_count) VALUES (?1, ?2)"
        " ON CONFLICT DO UPDATE SET followers_count = followers_count + ?2",
        (edge.followee_id, step),
    )
    connection.execute(
        "INSERT INTO user_counts (user_id, following_count, follows_version) VALUES (?1, ?2, 1)"
        " ON CONFLICT DO UPDATE SET following_count = following_count + ?2, follows_version = follows_version + 1",
        (edge.follower_id, step),
    )
    append(connection, event, at_us=now_us)


def _renew_versions(connection: apsw.Connection, user_ids: list[int]) -> None:
    connection.executemany(
        "UPDATE user_counts SET follows_version = follows_version + 1 WHERE user_id = ?",
        [(user_id,) for user_id in user_ids],
    )


def _standing(connection: apsw.Connection, author_id: int) -> Standing:
    rows = connection.execute(f"{_STANDING} WHERE author_id = ?", (author_id,)).fetchall()
    return _standing_of(rows[0]) if rows else Standing(author_id)


def _standing_of(row: tuple[Any, ...]) -> Standing:
    author_id, stage, since_us, cursor, event_id, version = row
    return Standing(author_id, Stage(stage), since_us, cursor, event_id, version)


def _put(connection: apsw.Connection, standing: Standing) -> None:
    connection.execute("INSERT OR REPLACE INTO author_standings VALUES (?, ?, ?, ?, ?, ?)", astuple(standing))

"""GraphStore on Cassandra: an edge in three partitions by one commit with its event, and counted right after.

All rows of an edge are written with the time of its change as their timestamp, so that they agree whichever of two
changes comes last. Only its id and its creation are claimed, once for each pair: that keeps one place in both lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from graph_svc.author_class import Stage, Standing
from graph_svc.model import AuthorClass, Drift, FollowEdge, Followee, FollowerIds, GraphCounts, Relationship
from graph_svc.store.cassandra_audit import recount
from graph_svc.store.cassandra_classes import CassandraClasses
from graph_svc.store.cassandra_counts import FOLLOWING_PART, PARTS, CassandraCounts, bucket_of
from graph_svc.store.cassandra_lists import CassandraLists
from graph_svc.store.interface import Announce, GraphStore
from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.events.interface import OutboxEvent
from mesh.failpoints import fp
from mesh.storage.cassandra import Cassandra, Row, Statement
from mesh.storage.cassandra_outbox import CassandraOutbox

_EDGE = Statement(
    "graph.edge",
    "SELECT edge_id, created_us, op_us, is_live, counted, counted_us FROM following"
    " WHERE follower_id = ? AND followee_id = ?",
)
_CLAIM = Statement(
    "graph.claim_edge",
    "UPDATE following SET edge_id = ?, created_us = ? WHERE follower_id = ? AND followee_id = ?"
    " IF edge_id = null AND created_us = null",
)
_SET_FOLLOWING = Statement(
    "graph.set_following",
    "UPDATE following USING TIMESTAMP ? SET is_live = ?, op_us = ? WHERE follower_id = ? AND followee_id = ?",
)
_SET_FOLLOWING_BY_EDGE = Statement(
    "graph.set_following_by_edge",
    "UPDATE following_by_edge USING TIMESTAMP ? SET is_live = ?, op_us = ?, created_us = ?, followee_id = ?"
    " WHERE follower_id = ? AND edge_id = ?",
)
_SET_FOLLOWER = Statement(
    "graph.set_follower",
    "UPDATE followers USING TIMESTAMP ? SET is_live = ?, op_us = ?, created_us = ?, follower_id = ?"
    " WHERE followee_id = ? AND bucket = ? AND edge_id = ?",
)
_FOLLOWED = Statement(
    "graph.followed", "SELECT followee_id, is_live FROM following WHERE follower_id = ? AND followee_id IN ?"
)
_FOLLOWS = Statement(
    "graph.follows", "SELECT follower_id, is_live FROM following WHERE follower_id IN ? AND followee_id = ?"
)
_COUNTS = Statement("graph.counts", "SELECT user_id, part, live_count, stage FROM accounts WHERE user_id IN ?")
_VERSION = Statement(
    "graph.follows_version", "SELECT DISTINCT follower_id, version FROM following WHERE follower_id = ?"
)
_INDEX = Statement(
    "graph.index", "SELECT author_id, is_live, is_indexed, index_version FROM following_pull WHERE follower_id = ?"
)


class CassandraGraphStore(GraphStore):
    """The tables of schema/cassandra. Several stores may have one keyspace."""

    def __init__(self, cassandra: Cassandra, outbox: CassandraOutbox, *, clock: Clock) -> None:
        self._cassandra = cassandra
        self._outbox = outbox
        self._counts = CassandraCounts(cassandra)
        self._classes = CassandraClasses(cassandra, outbox, clock)
        self._lists = CassandraLists(cassandra)

    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        row = await self._row(follower_id, followee_id)
        stored = _edge(follower_id, followee_id, row)
        if stored is not None and stored.is_live:
            return await self._repeated(stored, row)
        if stored is None:
            # The claim of a call that came no further stands: its id is the edge's.
            claimed = row[:2] if row and row[0] is not None else None
            edge_id, created_us = claimed or await self._claim(follower_id, followee_id, new_edge_id, now_us)
            edge = FollowEdge(follower_id, followee_id, edge_id, created_us, now_us, is_live=True)
        else:
            edge = stored.changed(is_live=True, now_us=now_us)
        return await self._save(edge, announce(edge), now_us=now_us)

    async def unfollow(
        self, follower_id: int, followee_id: int, *, now_us: int, announce: Announce
    ) -> FollowEdge | None:
        row = await self._row(follower_id, followee_id)
        stored = _edge(follower_id, followee_id, row)
        if stored is None:
            return None
        if not stored.is_live:
            return await self._repeated(stored, row)
        edge = stored.changed(is_live=False, now_us=now_us)
        return await self._save(edge, announce(edge), now_us=now_us)

    async def complete(self, follower_id: int, followee_id: int, *, op_time_us: int) -> None:
        edge = _edge(follower_id, followee_id, await self._row(follower_id, followee_id))
        if edge is None or edge.op_time_us < op_time_us:
            raise Unavailable.backend("the change of a follow")
        await self._complete(edge)

    async def followers(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        return await self._lists.followers(user_id, below_edge_id=below_edge_id, limit=limit)

    async def following(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        return await self._lists.following(user_id, below_edge_id=below_edge_id, limit=limit)

    async def follower_ids(self, user_id: int, *, below_edge_id: int, limit: int) -> FollowerIds:
        edges = await self._lists.followers(user_id, below_edge_id=below_edge_id, limit=limit + 1)
        page = edges[:limit]
        return FollowerIds([edge.follower_id for edge in page], page[-1].edge_id if len(edges) > limit else 0)

    async def followees(self, user_id: int, *, below_edge_id: int, limit: int) -> list[Followee]:
        # The index has all that are not pushed, so that not everybody's class is read.
        edges, pulled = await asyncio.gather(
            self._lists.following(user_id, below_edge_id=below_edge_id, limit=limit), self.pulled_authors(user_id)
        )
        asked = sorted({edge.followee_id for edge in edges} & set(pulled))
        standings = await asyncio.gather(*(self.standing(author_id) for author_id in asked))
        classes = {standing.author_id: standing.stage.author_class for standing in standings}
        return [
            Followee(edge.followee_id, edge.edge_id, classes.get(edge.followee_id, AuthorClass.PUSH)) for edge in edges
        ]

    async def counts(self, user_ids: Sequence[int]) -> dict[int, GraphCounts]:
        rows_of: dict[int, list[Row]] = {user_id: [] for user_id in user_ids}
        for user_id, *row in await self._cassandra.run_in(_COUNTS, rows_of, rows_of_each=PARTS):
            rows_of[user_id].append(tuple(row))
        return {user_id: _counts(rows) for user_id, rows in rows_of.items()}

    async def follows_version(self, user_id: int) -> int:
        own, index = await asyncio.gather(self._cassandra.run(_VERSION, user_id), self._cassandra.run(_INDEX, user_id))
        # Each of them only grows, and so does the sum.
        return sum(row[1] or 0 for row in own) + sum(row[3] or 0 for row in index)

    async def pulled_authors(self, user_id: int) -> list[int]:
        rows = await self._cassandra.run(_INDEX, user_id)
        return [author_id for author_id, is_live, is_indexed, _ in rows if is_live and is_indexed]

    async def relationships(self, user_id: int, other_ids: Sequence[int]) -> list[Relationship]:
        if not other_ids:
            return []
        others = sorted(set(other_ids))
        forth, back = await asyncio.gather(
            self._cassandra.run(_FOLLOWED, user_id, others), self._cassandra.run_in(_FOLLOWS, others, user_id)
        )
        following = {followee_id for followee_id, is_live in forth if is_live}
        followers = {follower_id for follower_id, is_live in back if is_live}
        return [Relationship(other_id, other_id in following, other_id in followers) for other_id in other_ids]

    async def standing(self, author_id: int) -> Standing:
        return await self._classes.standing(author_id)

    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        return await self._classes.change_stage(standing, stage, now_us=now_us, announce=announce)

    async def unsettled(self, *, above_author_id: int, limit: int) -> list[Standing]:
        return await self._classes.unsettled(above_author_id=above_author_id, limit=limit)

    async def index_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        return await self._work_off(standing, limit)

    async def unindex_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        return await self._work_off(standing, limit)

    async def drifts(self) -> list[Drift]:
        return await recount(self._cassandra)

    async def ping(self) -> None:
        await self._cassandra.ping()

    async def _row(self, follower_id: int, followee_id: int) -> Row:
        rows = await self._cassandra.run(_EDGE, follower_id, followee_id)
        return rows[0] if rows else ()

    async def _claim(self, follower_id: int, followee_id: int, edge_id: int, created_us: int) -> tuple[int, int]:
        """The id and the creation of the edge: those given, or of who was first."""
        rows = await self._cassandra.run(_CLAIM, edge_id, created_us, follower_id, followee_id)
        fp("follow.edge_claimed")
        return (edge_id, created_us) if rows[0][0] else (rows[0][1], rows[0][2])

    async def _save(self, edge: FollowEdge, event: OutboxEvent, *, now_us: int) -> FollowEdge:
        state = (edge.op_time_us, edge.is_live, edge.op_time_us)
        follower_id, followee_id, edge_id = edge.follower_id, edge.followee_id, edge.edge_id
        await self._outbox.commit(
            "graph.save_edge",
            (_SET_FOLLOWING, (*state, follower_id, followee_id)),
            (_SET_FOLLOWING_BY_EDGE, (*state, edge.created_us, followee_id, follower_id, edge_id)),
            (_SET_FOLLOWER, (*state, edge.created_us, follower_id, followee_id, bucket_of(follower_id), edge_id)),
            announce=event,
            at_us=now_us,
        )
        fp("follow.edge_saved")
        await _or_leave_it(self._complete(edge))
        return edge

    async def _repeated(self, stored: FollowEdge, row: Row) -> FollowEdge:
        """What an earlier call wrote and perhaps did not count: its caller may not have heard of it."""
        *_, counted, counted_us = row
        if (counted or False) != stored.is_live or (counted_us or 0) < stored.op_time_us:
            await _or_leave_it(self._complete(stored))
        return stored

    async def _complete(self, edge: FollowEdge) -> None:
        follower_id, followee_id, op_us = edge.follower_id, edge.followee_id, edge.op_time_us
        outcomes = await asyncio.gather(
            self._counts.count_following(follower_id, followee_id, op_us=op_us),
            self._counts.count_follower(followee_id, follower_id, edge.edge_id, op_us=op_us),
            self._index(follower_id, followee_id),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _index(self, follower_id: int, followee_id: int) -> None:
        """Make the follower's index as the edge and the author's class are now, after the edge was written.

        The class first, the edge after it: a later end of the follow then knows of the class, and ends this as well.
        The job that indexes begins a stage and then reads the edges: one of the two sees the other.
        """
        standing = await self.standing(followee_id)
        if standing.version:
            edge = _edge(follower_id, followee_id, await self._row(follower_id, followee_id))
            if edge is not None:
                await self._classes.index([edge], standing)

    async def _work_off(self, standing: Standing, limit: int) -> Standing | None:
        """Mark the next followers as the stage asks, and move the cursor."""
        if (await self.standing(standing.author_id)).version != standing.version:
            return None
        edges = []
        if standing.cursor:
            edges = await self._lists.followers(standing.author_id, below_edge_id=standing.cursor, limit=limit)
        await self._classes.index(edges, standing)
        return await self._classes.move_cursor(standing, cursor=edges[-1].edge_id if len(edges) == limit else 0)


async def _or_leave_it(work: Awaitable[None]) -> None:
    """The follow is written, and its event: what cannot be done now is done when the event comes."""
    try:
        await work
    except Unavailable:
        return


def _edge(follower_id: int, followee_id: int, row: Row) -> FollowEdge | None:
    """None as well for an edge that is only claimed."""
    if not row or row[3] is None:
        return None
    edge_id, created_us, op_us, is_live, *_ = row
    return FollowEdge(follower_id, followee_id, edge_id, created_us, op_us, is_live)


def _counts(rows: list[Row]) -> GraphCounts:
    counted = [(part, live_count) for part, live_count, _ in rows if part is not None]
    following = sum(live_count for part, live_count in counted if part == FOLLOWING_PART)
    stage = Stage(rows[0][2]) if rows and rows[0][2] is not None else Stage.PUSH
    return GraphCounts(sum(live_count for _, live_count in counted) - following, following, stage.author_class)

"""Lists of edges in Cassandra: newest first, one partition or all buckets merged, ended follows passed over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from graph_svc.author_class import BEFORE_THE_NEWEST
from graph_svc.model import FollowEdge
from graph_svc.store.cassandra_counts import BUCKETS
from mesh.storage.cassandra import Cassandra, Statement

# Read beyond a bucket's share, so that a page seldom takes a second round: the shares are never even.
MORE_THAN_THE_SHARE = 8

_FOLLOWING = Statement(
    "graph.following",
    "SELECT follower_id, followee_id, edge_id, created_us, op_us, is_live FROM following_by_edge"
    " WHERE follower_id = ? AND edge_id < ? LIMIT ?",
)
_FOLLOWERS = Statement(
    "graph.followers",
    "SELECT follower_id, followee_id, edge_id, created_us, op_us, is_live FROM followers"
    " WHERE followee_id = ? AND bucket = ? AND edge_id < ? LIMIT ?",
)


@dataclass(slots=True)
class _Run:
    """What is known of one partition so far: its live edges from `down_to` up."""

    partition: tuple[int, ...]
    down_to: int
    edges: list[FollowEdge] = field(default_factory=list)


class CassandraLists:
    """Both lists of any account. Every method raises Unavailable."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra

    async def following(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        """Live follows by an account."""
        return await self._merged(_FOLLOWING, [(user_id,)], below_edge_id, limit, size=limit)

    async def followers(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        """Live follows of an account."""
        partitions = [(user_id, bucket) for bucket in range(BUCKETS)]
        share = limit * 5 // 4 // BUCKETS + MORE_THAN_THE_SHARE
        return await self._merged(_FOLLOWERS, partitions, below_edge_id, limit, size=share)

    async def _merged(
        self, statement: Statement, partitions: Sequence[tuple[int, ...]], below_edge_id: int, limit: int, *, size: int
    ) -> list[FollowEdge]:
        runs = [_Run(partition, below_edge_id or BEFORE_THE_NEWEST) for partition in partitions]
        while True:
            await asyncio.gather(*(self._read_on(statement, run, size) for run in runs if run.down_to))
            # Below it some partition may still have edges that were not read.
            down_to = max(run.down_to for run in runs)
            edges = [edge for run in runs for edge in run.edges if edge.edge_id >= down_to]
            if len(edges) >= limit or not down_to:
                edges.sort(key=lambda edge: edge.edge_id, reverse=True)
                return edges[:limit]

    async def _read_on(self, statement: Statement, run: _Run, size: int) -> None:
        rows = await self._cassandra.run(statement, *run.partition, run.down_to, size)
        run.edges += [FollowEdge(*row) for row in rows if row[5]]
        run.down_to = rows[-1][2] if len(rows) == size else 0

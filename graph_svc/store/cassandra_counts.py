"""The counts of follows in Cassandra: moved together with the marks of the edges that they count.

An edge is counted by a conditional batch on the version of its partition, and the mark says as of which change. So an
edge whose mark is of its present change needs nothing more: whoever read an earlier state did so at an earlier version,
and its batch can no longer be applied. That holds also when the count did not move: the mark moves, and the version.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field

from mesh.errors import Unavailable
from mesh.failpoints import fp
from mesh.storage.cassandra import Cassandra, Statement

# Partitions that the followers of an account are spread over. Fixed: rows are found by it.
BUCKETS = 8
EDGES_AT_ONCE = 100
# Lost races after which an edge is left to who comes next.
MOST_TRIES = 5
FOLLOWING_PART = 0
PARTS = BUCKETS + 1

_COPY = Statement(
    "graph.copy_count", "UPDATE accounts USING TIMESTAMP ? SET live_count = ? WHERE user_id = ? AND part = ?"
)


def bucket_of(follower_id: int) -> int:
    """Where a follower is among the followers of any account."""
    return zlib.crc32(follower_id.to_bytes(8, "big")) % BUCKETS


@dataclass(frozen=True, slots=True)
class _Table:
    """The statements on a table of counted edges; its partitions and the column that names an edge differ."""

    edges: Statement
    move: Statement
    mark: Statement


def _table(name: str, partition: str, edge: str) -> _Table:
    return _Table(
        # Serial: a batch that was cut off is finished first, and version and marks are of one moment.
        Statement(
            f"graph.{name}_to_count",
            f"SELECT {edge}, is_live, op_us, counted, counted_us, live_count, version FROM {name}"  # noqa: S608 - constants
            f" WHERE {partition} AND {edge} IN ?",
            is_serial=True,
        ),
        Statement(
            f"graph.{name}_move_count",
            f"UPDATE {name} SET live_count = ?, version = ? WHERE {partition} IF version = ?",  # noqa: S608 - constants
        ),
        Statement(
            f"graph.{name}_mark_counted",
            f"UPDATE {name} SET counted = ?, counted_us = ? WHERE {partition} AND {edge} = ?",  # noqa: S608 - constants
        ),
    )


_FOLLOWING = _table("following", "follower_id = ?", "followee_id")
_FOLLOWERS = _table("followers", "followee_id = ? AND bucket = ?", "edge_id")


@dataclass(frozen=True, slots=True)
class _Edge:
    """A row as it is read to be counted."""

    key: int
    is_live: bool
    op_us: int
    counted: bool
    counted_us: int

    @property
    def is_marked(self) -> bool:
        # Both: of two changes with the same time the one that says live wins, perhaps after the other was counted.
        return self.counted == self.is_live and self.counted_us >= self.op_us


@dataclass(slots=True)
class _Waiting:
    """An edge that was changed and is to be counted."""

    key: int
    op_us: int
    # Set when it is; or why it cannot be.
    is_done: bool = False
    is_unseen: bool = False


@dataclass(slots=True)
class _Queue:
    """What waits for one partition in this process: one batch at a time, and the next takes all that came meanwhile."""

    waiting: list[_Waiting] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class CassandraCounts:
    """Counts edges of this process's calls. Every method raises Unavailable."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra
        self._queues: dict[tuple[int, ...], _Queue] = {}

    async def count_following(self, follower_id: int, followee_id: int, *, op_us: int) -> None:
        """Return when the follower's count has the edge as it was at `op_us`, or later.

        Raises Unavailable also while that change is not to be seen, and when others are always first.
        """
        await self._count(_FOLLOWING, (follower_id,), followee_id, op_us, part=FOLLOWING_PART)

    async def count_follower(self, followee_id: int, follower_id: int, edge_id: int, *, op_us: int) -> None:
        """The same for the followee's count."""
        bucket = bucket_of(follower_id)
        await self._count(_FOLLOWERS, (followee_id, bucket), edge_id, op_us, part=bucket + 1)

    async def _count(self, table: _Table, partition: tuple[int, ...], key: int, op_us: int, *, part: int) -> None:
        queue = self._queues.setdefault(partition, _Queue())
        mine = _Waiting(key, op_us)
        queue.waiting.append(mine)
        try:
            async with queue.lock:
                # Who had the lock before took all that waited, and mine perhaps with it.
                if not mine.is_done:
                    await self._count_all(table, partition, queue.waiting[:EDGES_AT_ONCE], part=part)
        finally:
            queue.waiting.remove(mine)
            if not queue.waiting:
                self._queues.pop(partition, None)
        if mine.is_unseen:
            raise Unavailable.backend("the change of an edge")

    async def _count_all(
        self, table: _Table, partition: tuple[int, ...], waiting: list[_Waiting], *, part: int
    ) -> None:
        keys = sorted({each.key for each in waiting})
        for _ in range(MOST_TRIES):
            rows = await self._cassandra.run(table.edges, *partition, keys)
            edges = {row[0]: _Edge(row[0], bool(row[1]), row[2] or 0, bool(row[3]), row[4] or 0) for row in rows}
            if rows:
                live_count, version = rows[0][5] or 0, rows[0][6]
                unmarked = [edge for edge in edges.values() if not edge.is_marked]
                if unmarked:
                    live_count += sum(edge.is_live - edge.counted for edge in unmarked)
                    expected, version = version, (version or 0) + 1
                    applied = await self._cassandra.batch(
                        "graph.count",
                        (table.move, (live_count, version, *partition, expected)),
                        *((table.mark, (edge.is_live, edge.op_us, *partition, edge.key)) for edge in unmarked),
                    )
                    if not applied[0][0]:
                        continue
                fp("follow.count_moved")
                if version is not None:
                    # Also when others counted: they may have died before this.
                    await self._cassandra.run(_COPY, version, live_count, partition[0], part)
            for each in waiting:
                each.is_done = True
                each.is_unseen = each.key not in edges or edges[each.key].op_us < each.op_us
            return
        raise Unavailable.backend("a count that many others move")

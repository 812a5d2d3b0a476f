"""Counts that follow the edges: what is live and not counted is moved, with the count, by one batch on the version.

All batches on a partition are in one order, that of its versions. One that was prepared from an older reading finds
another version, and does nothing; hence a change counts as settled only after a batch was applied on a version that was
read after the change was written, also when there was nothing to move (docs/decisions/0027).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from engagement_svc.store.cassandra_marks import BUCKETS, Change, Marks, Partition
from mesh.errors import Unavailable
from mesh.failpoints import fp
from mesh.storage.cassandra import Call, Cassandra, Row, Statement

LIKES = "likes"
_SLICE_MS = 30 * 86_400_000
# Edges that one batch moves at most.
MOST_EDGES = 100
# For whoever has no deadline of its own.
LONGEST = timedelta(seconds=5)

_NAMED = Statement(
    "edges.named",
    "SELECT version, count, member_id, is_live, op_us, is_counted, edge_id, created_us, new_edge_id, new_created_us"
    " FROM edges WHERE what = ? AND owner_id = ? AND bucket = ? AND member_id IN ?",
    is_serial=True,
)
_MOVE_COUNT = Statement(
    "edges.move_count",
    "UPDATE edges SET count = ?, version = ? WHERE what = ? AND owner_id = ? AND bucket = ? IF version = ?",
)
_MOVE_EDGE = Statement(
    "edges.move_edge",
    "UPDATE edges SET is_counted = ?, edge_id = ?, created_us = ?"
    " WHERE what = ? AND owner_id = ? AND bucket = ? AND member_id = ?",
)
_SHOW_COUNT = Statement(
    "counts.show", "INSERT INTO counts (count, what, owner_id, bucket) VALUES (?, ?, ?, ?) USING TIMESTAMP ?"
)
_SHOW_LIKER = Statement(
    "likers.show",
    "INSERT INTO likers (tweet_id, bucket, edge_id, user_id, created_us, op_us) VALUES (?, ?, ?, ?, ?, ?)"
    " USING TIMESTAMP ?",
)
_HIDE_LIKER = Statement(
    "likers.hide", "DELETE FROM likers USING TIMESTAMP ? WHERE tweet_id = ? AND bucket = ? AND edge_id = ?"
)
_SHOW_TO_USER = Statement(
    "likes_by_user.show",
    "UPDATE likes_by_user USING TIMESTAMP ? SET is_live = ? WHERE user_id = ? AND slice = ? AND tweet_id = ?",
)
_COUNTS = Statement("counts.of_owner", "SELECT what, bucket, count FROM counts WHERE owner_id = ?")
_COUNTS_OF_ALL = Statement("counts.of_owners", "SELECT owner_id, what, count FROM counts WHERE owner_id IN ?")


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as it is stored. The id and the creation are those of the first batch that saw it, for likes."""

    member_id: int
    is_live: bool
    op_us: int
    is_counted: bool
    edge_id: int
    created_us: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A partition at one version: its count, and the edges that were asked for and are there."""

    version: int | None
    count: int
    edges: Mapping[int, Edge]

    @property
    def count_after(self) -> int:
        """The count when all these edges are counted as they are."""
        return self.count + sum(edge.is_live - edge.is_counted for edge in self.edges.values())


@dataclass(frozen=True, slots=True)
class Settled:
    """An edge after it was counted, and what its owner has of these edges in all partitions."""

    edge: Edge
    count: int


class EdgeAbsent(Unavailable):
    """The store answers, and the edge is not there, or not as new as it should be."""


class _Waiting:
    """Changes of one partition, in the order they came, and whose turn it is to settle them."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.changes: dict[Change, Settled | None] = {}


class Settling:
    """Moves counts. One batch for a partition is in progress at a time; what comes meanwhile goes into the next."""

    def __init__(self, cassandra: Cassandra, marks: Marks) -> None:
        self._cassandra = cassandra
        self._marks = marks
        self._waiting: dict[Partition, _Waiting] = {}

    async def settle(self, change: Change) -> Settled:
        """Count the edge, which has been written, and remove its mark.

        Raises Unavailable when that is not known to have succeeded, and EdgeAbsent when the edge is not there yet.
        """
        waiting = self._waiting.setdefault(change.partition, _Waiting())
        # As a key it stands for this call: the same change may be waited for twice.
        change = Change(change.partition, change.member_id, change.op_us, change.mark)
        waiting.changes[change] = None
        try:
            async with asyncio.timeout(LONGEST.total_seconds()), waiting.turn:
                if waiting.changes[change] is None:
                    await self._settle_some(change.partition, waiting.changes)
            settled = waiting.changes[change]
        except TimeoutError as error:
            raise Unavailable.backend("the store") from error
        finally:
            del waiting.changes[change]
            if not waiting.changes:
                del self._waiting[change.partition]
        if settled is None:
            raise EdgeAbsent.backend("the store")
        return settled

    async def _settle_some(self, partition: Partition, changes: dict[Change, Settled | None]) -> None:
        """Settle the first of those that wait. Whoever waits longest is among them, and it is he who calls."""
        some = [change for change, settled in changes.items() if settled is None][:MOST_EDGES]
        version, reading = await self._move(partition, {change.member_id for change in some})
        fp("like.count_moved")
        count = await self._show(partition, reading, version)
        fp("like.shown")
        seen = [
            change
            for change in some
            if change.member_id in reading.edges and reading.edges[change.member_id].op_us >= change.op_us
        ]
        await self._marks.remove(change.mark for change in seen if change.mark is not None)
        fp("like.mark_removed")
        for change in seen:
            # It may have been given up meanwhile.
            if change in changes:
                changes[change] = Settled(reading.edges[change.member_id], count)

    async def _move(self, partition: Partition, member_ids: Iterable[int]) -> tuple[int, Reading]:
        """Count these edges as they are; the version at which they were, and the reading that was counted."""
        named = list(member_ids)
        while True:
            reading = _reading(await self._cassandra.run(_NAMED, *partition, named))
            if not reading.edges:
                raise EdgeAbsent.backend("the store")
            version = await self._apply(partition, reading)
            if version is not None:
                return version, reading

    async def _apply(self, partition: Partition, reading: Reading) -> int | None:
        """The next version, with these edges counted; None when there is one already."""
        version = (reading.version or 0) + 1
        calls: list[Call] = [(_MOVE_COUNT, (reading.count_after, version, *partition, reading.version))]
        calls += [
            (_MOVE_EDGE, (edge.is_live, edge.edge_id, edge.created_us, *partition, edge.member_id))
            for edge in reading.edges.values()
        ]
        rows = await self._cassandra.batch("edges.move", *calls)
        return version if rows[0][0] else None

    async def _show(self, partition: Partition, reading: Reading, version: int) -> int:
        """Write what is read: the count, and of likes the list and what their users see.

        The latest stays, by the version or, for a user, by the edge's own time. The answer is the count in all
        partitions of the owner.
        """
        rows, *_ = await asyncio.gather(
            self._cassandra.run(_COUNTS, partition.owner_id),
            self._cassandra.run(_SHOW_COUNT, reading.count_after, *partition, version),
            self._show_likes(partition, reading.edges.values(), version),
        )
        others: int = sum(
            count for what, bucket, count in rows if what == partition.what and bucket != partition.bucket
        )
        return others + reading.count_after

    async def _show_likes(self, partition: Partition, edges: Iterable[Edge], version: int) -> None:
        if partition.what != LIKES:
            return
        tweet_id, place = partition.owner_id, (partition.owner_id, partition.bucket)
        in_list: Sequence[Call] = [
            (_SHOW_LIKER, (*place, edge.edge_id, edge.member_id, edge.created_us, edge.op_us, version))
            if edge.is_live
            else (_HIDE_LIKER, (version, *place, edge.edge_id))
            for edge in edges
        ]
        # Each user has a partition: a batch of those would not do with a node down.
        to_users = [(edge.op_us, edge.is_live, edge.member_id, slice_of(tweet_id), tweet_id) for edge in edges]
        await asyncio.gather(
            self._cassandra.batch("likers.show", *in_list),
            *(self._cassandra.run(_SHOW_TO_USER, *values) for values in to_users),
        )


def slice_of(tweet_id: int) -> int:
    """The part of a user's likes that has a tweet: 30 days, by when the tweet was posted."""
    return (tweet_id >> 22) // _SLICE_MS


async def counts_of(cassandra: Cassandra, owner_ids: Iterable[int]) -> dict[int, Counter[str]]:
    """What is counted of each owner, by what it is. Raises Unavailable."""
    counts = {owner_id: Counter[str]() for owner_id in owner_ids}
    for owner_id, what, count in await cassandra.run_in(_COUNTS_OF_ALL, counts, rows_of_each=3 * BUCKETS):
        counts[owner_id][what] += count
    return counts


def _reading(rows: Sequence[Row]) -> Reading:
    if not rows:
        return Reading(None, 0, {})
    # The static columns are the same in all rows.
    version, count, *_ = rows[0]
    return Reading(version, count or 0, {edge.member_id: edge for edge in map(_edge, rows)})


def _edge(row: Row) -> Edge:
    _, _, member_id, is_live, op_us, is_counted, edge_id, created_us, new_edge_id, new_created_us = row
    if edge_id is None:
        edge_id, created_us = new_edge_id or 0, new_created_us or 0
    return Edge(member_id, is_live, op_us, bool(is_counted), edge_id, created_us)

"""Marks of edges that may not be counted yet: each is written before its edge, and goes when that is counted.

They are what outlives a process that dies in between. Rows lie in slots of 10 s by when they were written, so that
nobody reads past the remains of those that are done.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from mesh.clock import Clock
from mesh.errors import MeshError
from mesh.storage.cassandra import Cassandra, Statement

# Partitions of edges of one owner. Rows have their place by it: it can never be changed.
BUCKETS = 4
SHARDS = 4
SLOT_US = 10_000_000
SLOTS_OF_AN_HOUR = 360
MARKS_OF_A_PAGE = 100
# Of one statement: it has fewer than 5,000 rows.
HOURS_AT_ONCE = 12

# Mark ids are never used twice, so that these order all there is to order: a mark that comes late stays removed.
_WRITTEN, _REMOVED = 1, 2

# The servers' time orders these two: a slot that is opened after it was closed, by whoever's clock is late, is open.
_OPEN = Statement("marks.open_slot", "INSERT INTO dirty_slots (hour, slot) VALUES (?, ?)")
_CLOSE = Statement("marks.close_slot", "DELETE FROM dirty_slots WHERE hour = ? AND slot = ?")
_SLOTS = Statement("marks.slots", "SELECT slot FROM dirty_slots WHERE hour IN ?")
_WRITE = Statement(
    "marks.write",
    "INSERT INTO dirty_partitions (slot, shard, mark_id, what, owner_id, bucket, member_id, op_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?",
)
_REMOVE = Statement(
    "marks.remove", "DELETE FROM dirty_partitions USING TIMESTAMP ? WHERE slot = ? AND shard = ? AND mark_id IN ?"
)
_REMOVE_ALL = Statement(
    "marks.remove_all", "DELETE FROM dirty_partitions USING TIMESTAMP ? WHERE slot = ? AND shard = ?"
)
_PAGE = Statement(
    "marks.page",
    "SELECT mark_id, what, owner_id, bucket, member_id, op_us FROM dirty_partitions"
    " WHERE slot = ? AND shard = ? AND mark_id > ? LIMIT ?",
)


class Partition(NamedTuple):
    """Some edges of one owner: likes or replies of a tweet, or tweets of an author."""

    what: str
    owner_id: int
    bucket: int

    @classmethod
    def of(cls, what: str, owner_id: int, member_id: int) -> Partition:
        """The one that has the edge to `member_id`."""
        return cls(what, owner_id, crc32(member_id.to_bytes(8, "big")) % BUCKETS)


class Mark(NamedTuple):
    """Where a mark is."""

    slot: int
    shard: int
    mark_id: int


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """An edge that is written, at `op_us` or above; with a mark, unless somebody else wrote it.

    It equals itself only: two calls may wait for the same.
    """

    partition: Partition
    member_id: int
    op_us: int
    mark: Mark | None = None


class Marks:
    """The tables `dirty_partitions` and `dirty_slots`. All methods raise Unavailable, but for `remove`."""

    def __init__(self, cassandra: Cassandra, clock: Clock) -> None:
        self._cassandra = cassandra
        self._clock = clock
        self._shard = secrets.randbelow(SHARDS)
        self._open_slot = -1

    async def mark(self, partition: Partition, member_id: int, *, op_us: int) -> Change:
        """Say that an edge will be written; it may be when this has returned."""
        slot = slot_at(self._clock.now_us())
        if slot != self._open_slot:
            await self._cassandra.run(_OPEN, slot // SLOTS_OF_AN_HOUR, slot)
            self._open_slot = slot
        mark = Mark(slot, self._shard, secrets.randbits(63))
        await self._cassandra.run(_WRITE, *mark, *partition, member_id, op_us, _WRITTEN)
        return Change(partition, member_id, op_us, mark)

    async def remove(self, marks: Iterable[Mark]) -> None:
        """The edges are counted. A mark that could not be removed costs whoever works it off one batch."""
        mark_ids: dict[tuple[int, int], list[int]] = defaultdict(list)
        for mark in marks:
            mark_ids[mark.slot, mark.shard].append(mark.mark_id)
        with suppress(MeshError):
            for (slot, shard), some in mark_ids.items():
                await self._cassandra.run(_REMOVE, _REMOVED, slot, shard, some)

    async def slots(self, hours: Sequence[int]) -> list[int]:
        """Slots of these hours that are not closed, oldest first."""
        some = [list(hours[first : first + HOURS_AT_ONCE]) for first in range(0, len(hours), HOURS_AT_ONCE)]
        found = await asyncio.gather(*(self._cassandra.run(_SLOTS, hours_at_once) for hours_at_once in some))
        return sorted(slot for rows in found for (slot,) in rows)

    async def page(self, slot: int, shard: int, *, after: int) -> list[Change]:
        """Changes with the first marks of a part of a slot, above a mark_id."""
        rows = await self._cassandra.run(_PAGE, slot, shard, after, MARKS_OF_A_PAGE)
        return [
            Change(Partition(what, owner_id, bucket), member_id, op_us, Mark(slot, shard, mark_id))
            for mark_id, what, owner_id, bucket, member_id, op_us in rows
        ]

    async def close(self, slot: int) -> None:
        """Nobody looks at the slot any more; marks that are left in it are of edges that never came."""
        await asyncio.gather(*(self._cassandra.run(_REMOVE_ALL, _REMOVED, slot, shard) for shard in range(SHARDS)))
        await self._cassandra.run(_CLOSE, slot // SLOTS_OF_AN_HOUR, slot)


def slot_at(at_us: int) -> int:
    """The slot of marks that are written at a microsecond since 1970."""
    return at_us // SLOT_US

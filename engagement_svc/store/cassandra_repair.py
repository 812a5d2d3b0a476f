"""Works off the marks that were left: by processes that died, and by calls whose outcome nobody knew."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from engagement_svc.store.cassandra_marks import SHARDS, SLOT_US, SLOTS_OF_AN_HOUR, Change, Marks, slot_at
from engagement_svc.store.cassandra_settling import Settling
from mesh.clock import Clock
from mesh.errors import MeshError

_log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
SECOND_US = 1_000_000
# Who wrote a mark has settled it by then, if he ever does.
RIPE_US = 5 * SECOND_US
# So long a slot is looked at each time: clocks differ, and a batch may be carried out late.
WATCHED_US = 60 * SECOND_US
# A slot is closed when it was found empty twice, so long apart, and is that old.
TWICE_WITHIN_US = 600 * SECOND_US
CLOSED_US = 3_600 * SECOND_US
# What a process looks back at its start.
LOOK_BACK_HOURS = 24 * 30


class Repair:
    """The background task of a process. Several processes may do the same work: it is done twice then."""

    def __init__(self, marks: Marks, settling: Settling, clock: Clock) -> None:
        self._marks = marks
        self._settling = settling
        self._clock = clock
        self._since_hour = slot_at(clock.now_us()) // SLOTS_OF_AN_HOUR - LOOK_BACK_HOURS
        self._found_empty_us: dict[int, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.work_off()
            except MeshError as error:
                _log.warning("what calls have left cannot be counted now", extra={"fields": {"reason": str(error)}})
            await asyncio.sleep(EVERY.total_seconds())

    async def work_off(self) -> int:
        """Look at all slots that are due, once; how many marks are left. Raises Unavailable."""
        now_us = self._clock.now_us()
        this_hour = slot_at(now_us) // SLOTS_OF_AN_HOUR
        slots = await self._marks.slots(range(self._since_hour, this_hour + 1))
        left = 0
        for slot in slots:
            age_us = now_us - (slot + 1) * SLOT_US
            if age_us >= RIPE_US and self._is_due(slot, age_us, now_us):
                left_here = await self._work_off(slot)
                left += left_here
                if not left_here and age_us >= WATCHED_US:
                    await self._found_empty(slot, age_us, now_us)
        self._since_hour = min((slot // SLOTS_OF_AN_HOUR for slot in slots), default=this_hour - 1)
        return left

    def _is_due(self, slot: int, age_us: int, now_us: int) -> bool:
        found_us = self._found_empty_us.get(slot)
        return found_us is None or (age_us >= CLOSED_US and now_us - found_us >= TWICE_WITHIN_US)

    async def _found_empty(self, slot: int, age_us: int, now_us: int) -> None:
        found_us = self._found_empty_us.setdefault(slot, now_us)
        if age_us >= CLOSED_US and now_us - found_us >= TWICE_WITHIN_US:
            await self._marks.close(slot)
            del self._found_empty_us[slot]

    async def _work_off(self, slot: int) -> int:
        return sum(await asyncio.gather(*(self._work_off_shard(slot, shard) for shard in range(SHARDS))))

    async def _work_off_shard(self, slot: int, shard: int) -> int:
        left, after = 0, -1
        while changes := await self._marks.page(slot, shard, after=after):
            left += sum(await asyncio.gather(*(self._is_left(change) for change in changes)))
            after = max(change.mark.mark_id for change in changes if change.mark is not None)
        return left

    async def _is_left(self, change: Change) -> bool:
        """Settle one; an edge that is not there yet comes later, in the other half of its batch."""
        try:
            await self._settling.settle(change)
        except MeshError:
            return True
        return False

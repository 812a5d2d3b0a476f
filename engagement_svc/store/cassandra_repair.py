"""Works off the marks that were left: by processes that died, and by calls whose outcome nobody knew."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from enum import Enum, auto
from typing import NamedTuple

from engagement_svc.store.cassandra_marks import SHARDS, SLOT_US, SLOTS_OF_AN_HOUR, Change, Marks, slot_at
from engagement_svc.store.cassandra_settling import EdgeAbsent, Settling
from mesh.clock import Clock
from mesh.errors import MeshError
from mesh.failpoints import fp

_log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
SECOND_US = 1_000_000
# Who wrote a mark has settled it by then, if he ever does.
RIPE_US = 5 * SECOND_US
# So long a slot is looked at each time: clocks differ, and an edge may come late.
WATCHED_US = 60 * SECOND_US
# Then again and again while it has a mark whose edge has not come: a node that was down may bring it.
AGAIN_US = 60 * SECOND_US
# A slot is closed when it was looked through twice, so far apart, and is that old.
TWICE_WITHIN_US = 600 * SECOND_US
CLOSED_US = 3_600 * SECOND_US
# What a process looks back at its start.
LOOK_BACK_HOURS = 24 * 30


class _Outcome(Enum):
    SETTLED = auto()
    ABSENT = auto()
    FAILED = auto()


class _Look(NamedTuple):
    """When a slot was first looked through after it was watched, and when it will be again."""

    first_us: int
    again_us: int


class Repair:
    """The background task of a process. Several processes may do the same work: it is done twice then."""

    def __init__(self, marks: Marks, settling: Settling, clock: Clock) -> None:
        self._marks = marks
        self._settling = settling
        self._clock = clock
        self._since_hour = slot_at(clock.now_us()) // SLOTS_OF_AN_HOUR - LOOK_BACK_HOURS
        self._looks: dict[int, _Look] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.work_off()
            except MeshError as error:
                _log.warning("what calls have left cannot be counted now", extra={"fields": {"reason": str(error)}})
            await asyncio.sleep(EVERY.total_seconds())

    async def work_off(self) -> int:
        """Look at all slots that are due, once; how many edges could not be counted now. Raises Unavailable."""
        now_us = self._clock.now_us()
        this_hour = slot_at(now_us) // SLOTS_OF_AN_HOUR
        slots = await self._marks.slots(range(self._since_hour, this_hour + 1))
        self._since_hour = min((slot // SLOTS_OF_AN_HOUR for slot in slots), default=this_hour - 1)
        # Others close slots too.
        self._looks = {slot: self._looks[slot] for slot in slots if slot in self._looks}
        return sum([await self._work_off(slot, now_us) for slot in slots if self._is_due(slot, now_us)])

    def _is_due(self, slot: int, now_us: int) -> bool:
        look = self._looks.get(slot)
        return now_us >= (_end_us(slot) + RIPE_US if look is None else look.again_us)

    async def _work_off(self, slot: int, now_us: int) -> int:
        outcomes: Counter[_Outcome] = Counter()
        for of_shard in await asyncio.gather(*(self._work_off_shard(slot, shard) for shard in range(SHARDS))):
            outcomes += of_shard
        failed = outcomes[_Outcome.FAILED]
        if not failed and now_us >= _end_us(slot) + WATCHED_US:
            await self._looked_through(slot, now_us, has_marks=bool(outcomes[_Outcome.ABSENT]))
        return failed

    async def _looked_through(self, slot: int, now_us: int, *, has_marks: bool) -> None:
        first_us = self._looks[slot].first_us if slot in self._looks else now_us
        close_us = max(_end_us(slot) + CLOSED_US, first_us + TWICE_WITHIN_US)
        if now_us < close_us:
            self._looks[slot] = _Look(first_us, min(now_us + AGAIN_US, close_us) if has_marks else close_us)
        else:
            await self._marks.close(slot)

    async def _work_off_shard(self, slot: int, shard: int) -> Counter[_Outcome]:
        outcomes: Counter[_Outcome] = Counter()
        after = -1
        while changes := await self._marks.page(slot, shard, after=after):
            outcomes.update(await asyncio.gather(*map(self._outcome, changes)))
            after = max(change.mark.mark_id for change in changes if change.mark is not None)
        return outcomes

    async def _outcome(self, change: Change) -> _Outcome:
        try:
            await self._settling.settle(change)
        except EdgeAbsent:
            return _Outcome.ABSENT
        except MeshError:
            return _Outcome.FAILED
        fp("like.repaired")
        return _Outcome.SETTLED


def _end_us(slot: int) -> int:
    return (slot + 1) * SLOT_US

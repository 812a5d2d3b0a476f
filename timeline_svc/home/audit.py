"""Compares stored timelines with what their authors wrote, a few every minute, and mends what differs.

Nothing should ever differ: the rules of the store and of the workers see to that. This finds out when they do not.

What is on its way is no difference. So a timeline that differs is looked at again after a while, and counts only

    if the ids that differ are the same,
    if by the second look every event from before the first has had its effects or is a dead letter, as outboxes say,
    if its owner's follows did not change in between,
    if the timelines are not those of another server, which lack the last pushes and are emptied as soon as it shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from mesh.errors import MeshError
from timeline_svc.clients.outboxes import Outboxes
from timeline_svc.home.oracle import Differences, Oracle
from timeline_svc.metrics import TimelineMetrics

_log = logging.getLogger(__name__)

MOST_IDS_LOGGED = 20


class Verdict(Enum):
    """What an audit came to; also the label of the metric."""

    EQUAL = "equal"
    """As it should be, or by the second look."""
    ABSENT = "absent"
    """There is no such timeline, or it was being built."""
    UNSETTLED = "unsettled"
    """It differs, and too much is under way to say whether it should not."""
    REPAIRED = "repaired"
    """It differed, and was made anew."""
    FAILED = "failed"
    """Somebody who had to be asked could not be."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One kind of timelines: its name for the log, what it is compared with, and how one is made anew."""

    name: str
    oracle: Oracle
    repair: Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Auditor:
    """Looks at `per_minute` timelines of each kind, none when that is 0. `settling` lies between two looks.

    `is_emptied` empties a store whose timelines are another server's, and says whether it did. Raises Unavailable.
    """

    kinds: Sequence[Audited]
    outboxes: Outboxes
    metrics: TimelineMetrics
    is_emptied: Callable[[], Awaitable[bool]]
    per_minute: int
    settling: timedelta

    async def run(self) -> None:
        """Work until cancelled. One timeline at a time: while much is under way, fewer are looked at."""
        if not self.per_minute:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(60 / self.per_minute)
            for kind in self.kinds:
                await self._audit_some(kind)

    async def audit(self, kind: Audited, owner_id: int) -> Verdict:
        """Compare one timeline; count, log and mend what differs. Raises MeshError when somebody cannot be asked."""
        oracle = kind.oracle
        version = await oracle.ownership.version(owner_id)
        first = await oracle.differences(owner_id)
        if first is None or first.are_none:
            return Verdict.ABSENT if first is None else Verdict.EQUAL
        await asyncio.sleep(self.settling.total_seconds())
        # Half of it is left for the clocks of an owner's processes, which need not agree. And both looks may come
        # before the guard has noticed that a replica was promoted.
        if await self.outboxes.oldest_age() >= self.settling / 2 or await self.is_emptied():
            return Verdict.UNSETTLED
        second = await oracle.differences(owner_id)
        if second is None:
            return Verdict.ABSENT
        lasting = first.and_still(second)
        if lasting.are_none:
            return Verdict.EQUAL
        if await oracle.ownership.version(owner_id) != version:
            return Verdict.UNSETTLED
        self._tell(kind, owner_id, lasting)
        await kind.repair(owner_id)
        return Verdict.REPAIRED

    async def _audit_some(self, kind: Audited) -> None:
        try:
            owner_id = await kind.oracle.store.some_owner()
            verdict = Verdict.ABSENT if owner_id is None else await self.audit(kind, owner_id)
        except MeshError as error:
            _log.info("an audit of %s ended: %s", kind.name, error.message)
            verdict = Verdict.FAILED
        except Exception:  # noqa: BLE001 - whatever is wrong with one timeline: the workers beside this must go on
            _log.exception("an audit of %s failed", kind.name)
            verdict = Verdict.FAILED
        self.metrics.audits.labels(verdict.value).inc()

    def _tell(self, kind: Audited, owner_id: int, found: Differences) -> None:
        self.metrics.missing.inc(len(found.missing))
        self.metrics.ghosts.inc(len(found.ghosts))
        self.metrics.duplicates.inc(len(found.duplicates))
        fields: dict[str, object] = {"owner_id": owner_id}
        for name, ids in (("missing", found.missing), ("ghosts", found.ghosts), ("duplicates", found.duplicates)):
            fields[name] = sorted(ids, reverse=True)[:MOST_IDS_LOGGED]
        _log.error("%s was not as it should be, and is made anew", kind.name, extra={"fields": fields})

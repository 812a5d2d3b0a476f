"""Timelines in this process, for tests and simulation: the same promises as the Redis store, kept by plain Python."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from mesh.clock import Clock
from timeline_svc.model import FanoutRecord, LinkOutcome, Status, Stretch, TimelineLimits, TimelineState
from timeline_svc.store.interface import FanoutRecords, TimelineStore


@dataclass(slots=True)
class _Timeline:
    """`generation` is empty once it is READY; `made_at` and `dies_at` are of the monotonic clock."""

    generation: str
    made_at: float
    dies_at: float
    floor: int = 0
    ids: set[int] = field(default_factory=set)


class MemoryTimelineStore(TimelineStore):
    """One kind of timeline. Nothing in it outlives the process."""

    def __init__(self, *, limits: TimelineLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._timelines: dict[int, _Timeline] = {}
        self._builds = 0

    def forget_all(self) -> None:
        """What FLUSHALL does."""
        self._timelines.clear()

    def forget(self, owner_id: int) -> None:
        """What the eviction of a key does."""
        self._timelines.pop(owner_id, None)

    async def state(self, owner_id: int) -> TimelineState:
        timeline = self._find(owner_id)
        if timeline is None:
            return TimelineState(Status.ABSENT)
        if timeline.generation:
            return TimelineState(Status.BUILDING)
        return TimelineState(Status.READY, timeline.floor)

    async def page(self, owner_id: int, *, below: int, limit: int) -> Stretch | None:
        timeline = self._find(owner_id)
        if timeline is None or timeline.generation:
            return None
        timeline.dies_at = self._clock.monotonic() + self._limits.expires.total_seconds()
        ids = sorted((i for i in timeline.ids if not below or i < below), reverse=True)[:limit]
        return Stretch(ids, ids[-1] if len(ids) == limit else timeline.floor)

    async def pages(self, owner_ids: Collection[int], *, below: int, limit: int) -> dict[int, Stretch]:
        stretches = {owner: await self.page(owner, below=below, limit=limit) for owner in owner_ids}
        return {owner: stretch for owner, stretch in stretches.items() if stretch is not None}

    async def contents(self, owner_id: int) -> Stretch | None:
        timeline = self._find(owner_id)
        if timeline is None or timeline.generation:
            return None
        return Stretch(sorted(timeline.ids, reverse=True), timeline.floor)

    async def some_owner(self) -> int | None:
        owners = [owner_id for owner_id in list(self._timelines) if self._find(owner_id)]
        return secrets.choice(owners) if owners else None

    async def push(self, tweet_id: int, owner_ids: Collection[int]) -> int:
        held = 0
        for owner_id in owner_ids:
            timeline = self._find(owner_id)
            if timeline is not None and (timeline.generation or tweet_id >= timeline.floor):
                timeline.ids.add(tweet_id)
                held += 1
                self._trim(timeline)
        return held

    async def merge(
        self, tweet_ids: Collection[int], owner_ids: Collection[int], *, complete_from: int
    ) -> frozenset[int]:
        building = set()
        for owner_id in owner_ids:
            timeline = self._find(owner_id)
            if timeline is not None and timeline.generation:
                building.add(owner_id)
            elif timeline is not None:
                timeline.ids.update(tweet_ids)
                self._raise_floor(timeline, complete_from)
                self._trim(timeline)
        return frozenset(building)

    async def unmerge(self, tweet_ids: Collection[int], owner_id: int) -> bool:
        timeline = self._find(owner_id)
        if timeline is not None and timeline.generation:
            return False
        await self.remove(tweet_ids, owner_id)
        return True

    async def remove(self, tweet_ids: Collection[int], owner_id: int) -> None:
        timeline = self._find(owner_id)
        if timeline is not None:
            timeline.ids.difference_update(tweet_ids)

    async def drop(self, owner_id: int) -> None:
        self.forget(owner_id)

    async def begin_build(self, owner_id: int) -> str | None:
        now = self._clock.monotonic()
        timeline = self._find(owner_id)
        if timeline is not None and not timeline.generation:
            return None
        if timeline is not None and now - timeline.made_at < self._limits.build_taken_over.total_seconds():
            return None
        self._builds += 1
        generation = str(self._builds)
        self._timelines[owner_id] = _Timeline(generation, now, now + self._limits.build_expires.total_seconds())
        return generation

    async def finish_build(self, owner_id: int, generation: str, tweet_ids: Sequence[int], *, floor: int) -> bool:
        timeline = self._find(owner_id)
        if timeline is None or timeline.generation != generation:
            return False
        timeline.generation = ""
        timeline.dies_at = self._clock.monotonic() + self._limits.expires.total_seconds()
        timeline.ids.update(tweet_ids)
        self._raise_floor(timeline, floor)
        self._trim(timeline)
        return True

    def _find(self, owner_id: int) -> _Timeline | None:
        timeline = self._timelines.get(owner_id)
        if timeline is not None and timeline.dies_at <= self._clock.monotonic():
            del self._timelines[owner_id]
            return None
        return timeline

    def _raise_floor(self, timeline: _Timeline, floor: int) -> None:
        timeline.floor = max(timeline.floor, floor)
        timeline.ids = {tweet_id for tweet_id in timeline.ids if tweet_id >= timeline.floor}

    def _trim(self, timeline: _Timeline) -> None:
        if not timeline.generation and len(timeline.ids) > self._limits.capacity + self._limits.slack:
            kept = sorted(timeline.ids, reverse=True)[: self._limits.capacity]
            self._raise_floor(timeline, kept[-1])


class MemoryFanoutRecords(FanoutRecords):
    """Records that nothing but the end of the process takes away."""

    def __init__(self) -> None:
        self._records: dict[int, FanoutRecord] = {}

    async def record(self, tweet_id: int, after_edge_id: int, outcome: LinkOutcome) -> None:
        found = self._records.get(tweet_id, FanoutRecord({}))
        before = found.links.get(after_edge_id)
        kept = outcome if before is None else replace(outcome, at_us=before.at_us)
        dead_reason = found.dead_reason if after_edge_id else ""
        self._records[tweet_id] = FanoutRecord({**found.links, after_edge_id: kept}, dead_reason)

    async def give_up(self, tweet_id: int, reason: str) -> None:
        self._records[tweet_id] = replace(self._records.get(tweet_id, FanoutRecord({})), dead_reason=reason)

    async def find(self, tweet_id: int) -> FanoutRecord | None:
        return self._records.get(tweet_id)

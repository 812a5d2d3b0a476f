"""Stores that each break one rule of the floor. The suite and the simulation must notice every one of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from timeline_svc.model import FanoutRecord, LinkOutcome, Status, Stretch
from timeline_svc.store.memory import MemoryFanoutRecords, MemoryTimelineStore, _Timeline


class TrimLeavesTheFloor(MemoryTimelineStore):
    def _trim(self, timeline: _Timeline) -> None:
        floor = timeline.floor
        super()._trim(timeline)
        timeline.floor = floor


class PushCreates(MemoryTimelineStore):
    async def push(self, tweet_id: int, owner_ids: Collection[int]) -> int:
        for owner_id in owner_ids:
            if (await self.state(owner_id)).status is Status.ABSENT:
                generation = await self.begin_build(owner_id)
                await self.finish_build(owner_id, generation or "", [], floor=0)
        return await super().push(tweet_id, owner_ids)


class PushRefusedWhileBuilding(MemoryTimelineStore):
    async def push(self, tweet_id: int, owner_ids: Collection[int]) -> int:
        states = {owner_id: await self.state(owner_id) for owner_id in owner_ids}
        return await super().push(tweet_id, [o for o, state in states.items() if state.status is Status.READY])


class BackfillLeavesTheFloor(MemoryTimelineStore):
    async def merge(
        self, tweet_ids: Collection[int], owner_ids: Collection[int], *, complete_from: int
    ) -> frozenset[int]:
        return await super().merge(tweet_ids, owner_ids, complete_from=0)


class FollowDroppedWhileBuilding(MemoryTimelineStore):
    async def merge(
        self, tweet_ids: Collection[int], owner_ids: Collection[int], *, complete_from: int
    ) -> frozenset[int]:
        await super().merge(tweet_ids, owner_ids, complete_from=complete_from)
        return frozenset()


class AnyBuilderFinishes(MemoryTimelineStore):
    async def finish_build(self, owner_id: int, generation: str, tweet_ids: Sequence[int], *, floor: int) -> bool:
        timeline = self._timelines.get(owner_id)
        return await super().finish_build(
            owner_id, timeline.generation if timeline else generation, tweet_ids, floor=floor
        )


class ContentsWhileBuilding(MemoryTimelineStore):
    async def contents(self, owner_id: int) -> Stretch | None:
        timeline = self._timelines.get(owner_id)
        return Stretch(sorted(timeline.ids, reverse=True), timeline.floor) if timeline else None


class ContentsOfAPage(MemoryTimelineStore):
    async def contents(self, owner_id: int) -> Stretch | None:
        return await self.page(owner_id, below=0, limit=8)


class AlwaysTheSameOwner(MemoryTimelineStore):
    async def some_owner(self) -> int | None:
        return next(iter(self._timelines), None)


class RepeatsAdd(MemoryFanoutRecords):
    async def record(self, tweet_id: int, after_edge_id: int, outcome: LinkOutcome) -> None:
        found = await self.find(tweet_id)
        before = found.links.get(after_edge_id) if found else None
        delivered = before.delivered_count if before else 0
        await super().record(
            tweet_id, after_edge_id, replace(outcome, delivered_count=delivered + outcome.delivered_count)
        )


class RepeatsAreLater(MemoryFanoutRecords):
    async def record(self, tweet_id: int, after_edge_id: int, outcome: LinkOutcome) -> None:
        found = self._records.get(tweet_id, FanoutRecord({}))
        self._records[tweet_id] = FanoutRecord({**found.links, after_edge_id: outcome})

"""The outbox in this process, for tests and simulation: the promises of the others, and none of their durability."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import islice

from mesh.events.interface import Outbox, OutboxEvent, OutboxReader, OutboxRow, Place


class MemoryOutbox(Outbox):
    """The events of one service, in the order of their sequences."""

    def __init__(self) -> None:
        self._rows: dict[int, OutboxRow] = {}
        self._sequences: dict[int, int] = {}
        self._last = 0
        self._appended = asyncio.Event()

    def append(self, event: OutboxEvent, *, at_us: int) -> None:
        """Add a waiting row, as part of a store's write: before anything else of it, because this is what can fail.

        An event that is there already, waiting or dead, is left as it is. Raises TypeError for a payload that is not
        bytes, as an engine does.
        """
        if not isinstance(event.payload, bytes):
            raise TypeError("a payload is bytes")
        if event.event_id not in self._sequences:
            self._add(event, created_us=at_us)
        self._appended.set()

    def reader(self) -> OutboxReader:
        return _MemoryOutboxReader(self)

    async def pending(self, *, after: int, limit: int) -> list[OutboxRow]:
        return self._found(limit, lambda row: row.sequence > after and not row.dead_group)

    async def at(self, place: Place) -> OutboxRow | None:
        row = self._rows.get(place.sequence)
        return row if row and row.place == place and not row.dead_group else None

    async def get(self, event_id: int) -> OutboxRow | None:
        return self._rows.get(self._sequences.get(event_id, 0))

    async def delete(self, places: Collection[Place]) -> None:
        for place in places:
            if await self.at(place):
                self._remove(place.event_id)

    async def bury(self, place: Place, *, group: str, reason: str, at_us: int) -> None:
        row = await self.at(place)
        if row:
            self._rows[place.sequence] = replace(row, dead_group=group, dead_reason=reason, dead_us=at_us)

    async def dead(self, *, after: int, limit: int, group: str = "") -> list[OutboxRow]:
        return self._found(
            limit, lambda row: row.sequence > after and bool(row.dead_group) and group in {"", row.dead_group}
        )

    async def revive(self, event_ids: Collection[int]) -> list[int]:
        revived = []
        for event_id in event_ids:
            row = await self.get(event_id)
            if row and row.dead_group:
                self._remove(event_id)
                self._add(row.event, created_us=row.created_us)
                revived.append(event_id)
        return revived

    async def wait_for_append(self, *, at_most: timedelta) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                await self._appended.wait()
            self._appended.clear()

    def _found(self, limit: int, is_wanted: Callable[[OutboxRow], bool]) -> list[OutboxRow]:
        return list(islice(filter(is_wanted, self._rows.values()), limit))

    def _add(self, event: OutboxEvent, *, created_us: int) -> None:
        self._last += 1
        self._rows[self._last] = OutboxRow(self._last, event, created_us)
        self._sequences[event.event_id] = self._last

    def _remove(self, event_id: int) -> None:
        del self._rows[self._sequences.pop(event_id)]


class _MemoryOutboxReader(OutboxReader):
    """A cursor: sequences are given in the order of the writes."""

    def __init__(self, outbox: MemoryOutbox) -> None:
        self._outbox = outbox
        self._after = 0

    async def next(self, *, limit: int) -> list[OutboxRow]:
        rows = await self._outbox.pending(after=self._after, limit=limit)
        if rows:
            self._after = rows[-1].sequence
        return rows

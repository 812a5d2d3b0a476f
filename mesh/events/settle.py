"""Writes down what became of events: confirmed rows are deleted, many at a time; given up ones are kept as dead."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.events.interface import Outbox, Place
from mesh.failpoints import fp
from mesh.metrics import Metrics

_log = logging.getLogger(__name__)

# Late on purpose: many deletes share one commit, and a lost one costs a repeat.
GATHERING = timedelta(milliseconds=50)
RETRY = timedelta(seconds=1)
COUNT_EVERY = timedelta(seconds=5)
COUNTED_DEAD_LETTERS = 1_000


class Settlement:
    """The last step of each event. Nothing is forgotten while the store is away."""

    def __init__(self, outbox: Outbox, clock: Clock, *, metrics: Metrics, service: str) -> None:
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._service = service
        self._confirmed: set[Place] = set()
        self._given_up: dict[Place, tuple[str, str, int]] = {}
        self._has_news = asyncio.Event()
        self._has_buried = asyncio.Event()

    def has(self, place: Place) -> bool:
        """Whether what became of a row has still to be written down."""
        return place in self._confirmed or place in self._given_up

    def delete(self, *places: Place) -> None:
        """The rows go soon."""
        self._confirmed.update(places)
        self._has_news.set()

    def bury(self, place: Place, *, group: str, reason: str) -> None:
        """The row becomes a dead letter soon."""
        self._given_up[place] = (group, reason, self._clock.now_us())
        self._has_news.set()

    async def run(self) -> None:
        """Write until cancelled; what is confirmed by then is still written."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write_forever())
                group.create_task(self._count_forever())
        finally:
            await self._write()

    async def _write_forever(self) -> None:
        while True:
            await self._has_news.wait()
            await asyncio.sleep(GATHERING.total_seconds())
            self._has_news.clear()
            if not await self._write():
                self._has_news.set()
                await asyncio.sleep(RETRY.total_seconds())

    async def _count_forever(self) -> None:
        """Tell how many dead letters there are; others may bury and revive too."""
        while True:
            self._has_buried.clear()
            with suppress(Unavailable):
                dead = await self._outbox.dead(after=0, limit=COUNTED_DEAD_LETTERS)
                self._metrics.outbox_dead_letters.set(len(dead))
            with suppress(TimeoutError):
                async with asyncio.timeout(COUNT_EVERY.total_seconds()):
                    await self._has_buried.wait()

    async def _write(self) -> bool:
        confirmed = frozenset(self._confirmed)
        try:
            if confirmed:
                fp("outbox.before_delete")
                await self._outbox.delete(confirmed)
                fp("outbox.rows_deleted")
            self._confirmed -= confirmed
            for place, (group, reason, at_us) in list(self._given_up.items()):
                await self._outbox.bury(place, group=group, reason=reason, at_us=at_us)
                fp("outbox.row_buried")
                del self._given_up[place]
                self._has_buried.set()
        except Unavailable as away:
            _log.warning("the outbox of %s cannot be written: %s", self._service, away)
            return False
        return True

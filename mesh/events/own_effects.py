"""The owner's own consumers: run in its relay before an event is published, and again while they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from aviary.events.v1 import events_pb2
from mesh.clock import Clock
from mesh.events.unconfirmed import Unconfirmed, own_retry_delay
from mesh.events.window import Window
from mesh.failpoints import fp

_log = logging.getLogger(__name__)

AT_ONCE = 16
AT_MOST = timedelta(seconds=30)
# Failures of one event that are logged: the first, and then ever fewer.
TOLD = {1, 10, 100, 1_000}

OwnConsumer = Callable[[events_pb2.Event], Awaitable[None]]


class OwnEffects:
    """Calls the consumers; `then` is told of every event that was tried, so that one that fails holds back nothing."""

    def __init__(
        self, consumers: Mapping[str, OwnConsumer], window: Window, *, clock: Clock, then: Callable[[Unconfirmed], None]
    ) -> None:
        self._consumers = consumers
        self._window = window
        self._clock = clock
        self._then = then
        self._queue: asyncio.Queue[Unconfirmed] = asyncio.Queue()

    def has(self, kind: str) -> bool:
        """Whether the owner itself reacts to this kind."""
        return kind in self._consumers

    def queue(self, event: Unconfirmed) -> None:
        """Have its effect made soon."""
        if not event.is_making_own:
            event.is_making_own = True
            self._queue.put_nowait(event)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            event = await self._queue.get()
            payload = await self._window.payload_of(event)
            if payload is not None:
                await self._make(event, payload)
            event.is_making_own = False
            self._window.settle_if_done(event)
            self._then(event)

    async def _make(self, event: Unconfirmed, payload: bytes) -> None:
        try:
            async with asyncio.timeout(AT_MOST.total_seconds()):
                await self._consumers[event.kind](events_pb2.Event.FromString(payload))
                fp("outbox.own_effect_made")
        except Exception as failure:  # noqa: BLE001 - the owner's bug or outage must not stop the other events
            event.own_failures += 1
            event.own_due = self._clock.monotonic() + own_retry_delay(event.own_failures).total_seconds()
            if event.own_failures in TOLD:
                _log.warning("the own effect of %s %d failed", event.kind, event.event_id, exc_info=failure)
        else:
            event.is_own_done = True

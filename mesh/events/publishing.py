"""Publishes events, many in flight, and waits quietly while the broker is away."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from mesh.clock import Clock
from mesh.events.interface import BusUnavailable, EventBus
from mesh.events.unconfirmed import Unconfirmed, repeat_delay
from mesh.events.window import Window
from mesh.failpoints import fp

_log = logging.getLogger(__name__)

SHORTEST_PAUSE = timedelta(seconds=0.1)
LONGEST_PAUSE = timedelta(seconds=1)


class Publishing:
    """A queue of events on their way to the broker. An event leaves it when the broker has acked it."""

    def __init__(
        self,
        bus: EventBus,
        window: Window,
        *,
        clock: Clock,
        repeat_after: timedelta,
        longest_repeat: timedelta,
        in_flight: int,
    ) -> None:
        self._bus = bus
        self._window = window
        self._clock = clock
        self._repeat_after = repeat_after
        self._longest_repeat = longest_repeat
        self._in_flight = in_flight
        self._queue: asyncio.Queue[Unconfirmed] = asyncio.Queue()
        self._may_try = asyncio.Event()
        self._may_try.set()
        self._pause_for = SHORTEST_PAUSE

    def queue(self, event: Unconfirmed) -> None:
        """Have it published soon; for the groups of its `repeat_for` only, if there are any."""
        if not event.is_publishing:
            event.is_publishing = True
            self._queue.put_nowait(event)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._in_flight):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            event = await self._queue.get()
            await self._may_try.wait()
            payload = await self._window.payload_of(event)
            if payload is not None and not await self._publish(event, payload):
                self._queue.put_nowait(event)
                continue
            event.is_publishing = False
            self._window.settle_if_done(event)

    async def _publish(self, event: Unconfirmed, payload: bytes) -> bool:
        try:
            fp("outbox.before_publish")
            acked = await self._bus.publish(event.subject, payload, groups=event.repeat_for)
        except BusUnavailable as away:
            self._pause(away)
            return False
        fp("outbox.published")
        self._pause_for = SHORTEST_PAUSE
        event.acked = acked
        event.published_at = self._clock.monotonic()
        event.published_count += 1
        wait = repeat_delay(event.published_count, first=self._repeat_after, longest=self._longest_repeat)
        event.due = event.published_at + wait.total_seconds()
        if event.is_own_done:
            event.payload = b""
        return True

    def _pause(self, away: BusUnavailable) -> None:
        """Let nobody try for a moment, a second at most: no storm of attempts while the broker is away."""
        if self._may_try.is_set():
            _log.debug("nothing is published for now: %s", away)
            self._may_try.clear()
            asyncio.get_running_loop().call_later(self._pause_for.total_seconds(), self._may_try.set)
            self._pause_for = min(self._pause_for * 2, LONGEST_PAUSE)

"""The outbox worker: makes the owner's own effects, publishes, collects confirmations, settles what is done.

A row is the to-do item. What goes wrong between here and the effects costs a repeat: an event that is not confirmed
is published again, unless the broker still holds it for the group that is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.message import DecodeError

from aviary.events.v1 import events_pb2
from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.events.interface import BusUnavailable, EventBus, Outbox, OutboxRow, StreamPosition
from mesh.events.routes import ROUTES
from mesh.events.settle import Settlement
from mesh.events.unconfirmed import (
    LONGEST_REPEAT,
    REPEAT_AFTER,
    Unconfirmed,
    groups_to_repeat,
    own_retry_delay,
    repeat_delay,
    unconfirmed,
)
from mesh.metrics import Metrics

_log = logging.getLogger(__name__)

READ_AT_ONCE = 512
# Rows kept in memory, without their payload once published; a slow group must not fill it.
MOST_UNCONFIRMED = 20_000
IN_FLIGHT = 128
OWN_AT_ONCE = 16
POLL = timedelta(milliseconds=250)
SHORTEST_PAUSE = timedelta(seconds=0.1)
LONGEST_PAUSE = timedelta(seconds=1)
LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a relay knows of a waiting row; how often it published it, and when it would again. Never in the past."""

    published_count: int
    next_attempt_in: timedelta
    missing_groups: frozenset[str]


class OutboxWorker:
    """Works off the outbox of one service. Two at once are allowed: what both do twice is harmless.

    `own` maps payload kinds to the owner's own consumers. They run before the event is published; one that raises is
    called again with growing delays, like a group that has not confirmed, and does not hold back the publishing.
    """

    def __init__(
        self,
        outbox: Outbox,
        bus: EventBus,
        *,
        service: str,
        own: Mapping[str, Callable[[events_pb2.Event], Awaitable[None]]],
        clock: Clock,
        metrics: Metrics | None = None,
        repeat_after: timedelta = REPEAT_AFTER,
        longest_repeat: timedelta = LONGEST_REPEAT,
        look_every: timedelta = LOOK_EVERY,
        most_unconfirmed: int = MOST_UNCONFIRMED,
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._service = service
        self._own = own
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._repeat_after = repeat_after
        self._longest_repeat = longest_repeat
        self._look_every = look_every
        self._most_unconfirmed = most_unconfirmed
        self._settlement = Settlement(outbox, clock, metrics=self._metrics, service=service)
        self._cursor = 0
        self._window: dict[int, Unconfirmed] = {}
        self._own_todo: asyncio.Queue[Unconfirmed] = asyncio.Queue()
        self._to_publish: asyncio.Queue[Unconfirmed] = asyncio.Queue()
        self._bus_answers = asyncio.Event()
        self._bus_answers.set()
        self._pause_for = SHORTEST_PAUSE

    async def run(self) -> None:
        """Work until cancelled, also while the broker is away."""
        await self._bus.on_confirmation(self._service, self._take_confirmation)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settlement.run())
            group.create_task(self._read_forever())
            group.create_task(self._look_forever())
            for _ in range(OWN_AT_ONCE):
                group.create_task(self._make_own_effects_forever())
            for _ in range(IN_FLIGHT):
                group.create_task(self._publish_forever())

    def progress(self, event_id: int) -> Progress | None:
        """What this relay knows of a waiting row; None when it has not read it yet."""
        event = self._window.get(event_id)
        if event is None:
            return None
        wait = max(0.0, event.due - self._clock.monotonic())
        return Progress(event.published_count, timedelta(seconds=wait), frozenset(event.missing))

    async def _read_forever(self) -> None:
        while True:
            rows: list[OutboxRow] = []
            limit = min(READ_AT_ONCE, self._most_unconfirmed - len(self._window))
            try:
                rows = await self._outbox.pending(after=self._cursor, limit=limit) if limit else []
            except Unavailable as away:
                _log.warning("the outbox of %s cannot be read: %s", self._service, away)
            for row in rows:
                self._cursor = row.sequence
                self._begin(row)
            self._tell_metrics()
            if len(rows) < READ_AT_ONCE:
                await self._outbox.wait_for_append(at_most=POLL)
            else:
                await asyncio.sleep(0)

    def _begin(self, row: OutboxRow) -> None:
        kind = _kind_of(row.event.payload)
        if kind not in ROUTES:
            _log.error("event %d is of no known kind; it stays in the outbox for a later version", row.event.event_id)
            return
        event = unconfirmed(row, kind=kind, has_own_effect=kind in self._own, now=self._clock.monotonic())
        self._window[event.event_id] = event
        if event.is_own_done:
            self._queue_publish(event)
        else:
            self._queue_own(event)

    def _queue_own(self, event: Unconfirmed) -> None:
        if not event.is_making_own:
            event.is_making_own = True
            self._own_todo.put_nowait(event)

    def _queue_publish(self, event: Unconfirmed) -> None:
        if not event.is_publishing:
            event.is_publishing = True
            self._to_publish.put_nowait(event)

    async def _make_own_effects_forever(self) -> None:
        while True:
            event = await self._own_todo.get()
            payload = await self._payload_of(event)
            if payload is not None:
                await self._make_own_effect(event, payload)
                if event.acked is None:
                    self._queue_publish(event)
            event.is_making_own = False
            self._settle_if_done(event)

    async def _make_own_effect(self, event: Unconfirmed, payload: bytes) -> None:
        try:
            await self._own[event.kind](events_pb2.Event.FromString(payload))
        except Exception as failure:  # noqa: BLE001 - the owner's bug or outage must not stop the other events
            event.own_failures += 1
            event.own_due = self._clock.monotonic() + own_retry_delay(event.own_failures).total_seconds()
            if event.own_failures in {1, 10, 100}:
                _log.warning("the own effect of %s %d failed", event.kind, event.event_id, exc_info=failure)
        else:
            event.is_own_done = True

    async def _publish_forever(self) -> None:
        while True:
            event = await self._to_publish.get()
            await self._bus_answers.wait()
            payload = await self._payload_of(event)
            if payload is not None and not await self._publish(event, payload):
                self._to_publish.put_nowait(event)
                continue
            event.is_publishing = False
            self._settle_if_done(event)

    async def _publish(self, event: Unconfirmed, payload: bytes) -> bool:
        try:
            acked = await self._bus.publish(event.subject, payload, groups=event.repeat_for)
        except BusUnavailable as away:
            self._pause(away)
            return False
        self._pause_for = SHORTEST_PAUSE
        now = self._clock.monotonic()
        event.acked = acked
        event.published_at = now
        event.published_count += 1
        wait = repeat_delay(event.published_count, first=self._repeat_after, longest=self._longest_repeat)
        event.due = now + wait.total_seconds()
        if event.is_own_done:
            event.payload = b""
        return True

    def _pause(self, away: BusUnavailable) -> None:
        """Let nobody try for a moment, a second at most: no storm of attempts while the broker is away."""
        if self._bus_answers.is_set():
            _log.debug("%s publishes nothing for now: %s", self._service, away)
            self._bus_answers.clear()
            asyncio.get_running_loop().call_later(self._pause_for.total_seconds(), self._bus_answers.set)
            self._pause_for = min(self._pause_for * 2, LONGEST_PAUSE)

    async def _payload_of(self, event: Unconfirmed) -> bytes | None:
        """The bytes to publish; None when the event is settled, perhaps by another relay, or cannot be read now."""
        if self._window.get(event.event_id) is not event:
            return None
        if event.payload:
            return event.payload
        try:
            row = await self._outbox.get(event.event_id)
        except Unavailable as away:
            _log.warning("event %d of %s cannot be read: %s", event.event_id, self._service, away)
            return None
        if row is None or row.dead_group or row.sequence != event.sequence:
            self._window.pop(event.event_id, None)
            return None
        return row.event.payload

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(self._look_every.total_seconds())
            positions = await self._positions()
            now = self._clock.monotonic()
            for event in list(self._window.values()):
                if not event.is_own_done and event.own_due <= now:
                    self._queue_own(event)
                self._repeat_if_due(event, positions, now)

    async def _positions(self) -> dict[str, StreamPosition | None]:
        """Where the groups are that some event has been waiting for since the last look: one question per group."""
        before = self._clock.monotonic() - self._look_every.total_seconds()
        waiting = [event for event in self._window.values() if event.acked and event.published_at <= before]
        groups = {group for event in waiting for group in event.missing}
        return {group: await self._bus.position(group) for group in sorted(groups)}

    def _repeat_if_due(self, event: Unconfirmed, positions: Mapping[str, StreamPosition | None], now: float) -> None:
        if event.is_publishing or event.is_making_own:
            return
        if event.acked is None:
            self._queue_publish(event)  # its payload could not be read
            return
        event.repeat_for = groups_to_repeat(event, positions, now=now, longest=self._longest_repeat)
        if event.repeat_for:
            self._queue_publish(event)

    def _take_confirmation(self, payload: bytes) -> None:
        try:
            confirmation = events_pb2.Confirmation.FromString(payload)
        except DecodeError:
            _log.error("a confirmation for %s cannot be read", self._service)
            return
        for event_id in confirmation.event_ids:
            event = self._window.get(event_id)
            if event is None or confirmation.consumer_group not in event.required:
                continue
            if confirmation.status == events_pb2.CONFIRMATION_STATUS_DONE:
                event.missing.discard(confirmation.consumer_group)
                self._settle_if_done(event)
            elif confirmation.status == events_pb2.CONFIRMATION_STATUS_DEAD:
                del self._window[event_id]
                self._settlement.bury(event_id, group=confirmation.consumer_group, reason=confirmation.reason)

    def _settle_if_done(self, event: Unconfirmed) -> None:
        if event.is_done() and self._window.get(event.event_id) is event:
            del self._window[event.event_id]
            self._settlement.delete(event.event_id)

    def _tell_metrics(self) -> None:
        oldest = next(iter(self._window.values()), None)
        age_us = self._clock.now_us() - oldest.created_us if oldest else 0
        self._metrics.outbox_rows.set(len(self._window))
        self._metrics.outbox_oldest_seconds.set(max(0, age_us) / 1_000_000)


def _kind_of(payload: bytes) -> str:
    try:
        return events_pb2.Event.FromString(payload).WhichOneof("payload") or ""
    except DecodeError:
        return ""

"""The outbox worker: makes the owner's own effects, publishes, collects confirmations, settles what is done.

A row is the to-do item. What goes wrong between here and the effects costs a repeat: an event that is not confirmed
is published again, unless the broker still holds it for the group that is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.message import DecodeError

from aviary.events.v1 import events_pb2
from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.events.interface import EventBus, Outbox, OutboxRow, StreamPosition
from mesh.events.own_effects import OwnConsumer, OwnEffects
from mesh.events.publishing import Publishing
from mesh.events.routes import ROUTES
from mesh.events.settle import Settlement
from mesh.events.unconfirmed import LONGEST_REPEAT, REPEAT_AFTER, Unconfirmed, groups_to_repeat, unconfirmed
from mesh.events.window import Window
from mesh.failpoints import fp
from mesh.metrics import Metrics

_log = logging.getLogger(__name__)

READ_AT_ONCE = 512
# Rows kept in memory, without their payload once published; a slow group must not fill it.
MOST_UNCONFIRMED = 20_000
# Publishes that wait for the broker's answer at the same time.
IN_FLIGHT = 128
POLL = timedelta(milliseconds=250)
LOOK_EVERY = timedelta(seconds=1)
# Events looked at before others get their turn.
LOOKED_AT_ONCE = 500


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

    A row that cannot be read becomes a dead letter at once, given up by the service itself.
    """

    def __init__(
        self,
        outbox: Outbox,
        bus: EventBus,
        *,
        service: str,
        own: Mapping[str, OwnConsumer],
        clock: Clock,
        metrics: Metrics | None = None,
        repeat_after: timedelta = REPEAT_AFTER,
        longest_repeat: timedelta = LONGEST_REPEAT,
        look_every: timedelta = LOOK_EVERY,
        most_unconfirmed: int = MOST_UNCONFIRMED,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._service = service
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._longest_repeat = longest_repeat
        self._look_every = look_every
        self._most_unconfirmed = most_unconfirmed
        self._reader = outbox.reader()
        self._can_read = True
        self._settlement = Settlement(outbox, clock, metrics=self._metrics, service=service)
        self._window = Window(outbox, self._settlement)
        self._publishing = Publishing(
            bus,
            self._window,
            clock=clock,
            repeat_after=repeat_after,
            longest_repeat=longest_repeat,
            in_flight=in_flight,
        )
        self._own = OwnEffects(own, self._window, clock=clock, then=self._publish_if_new)

    async def run(self) -> None:
        """Work until cancelled, also while the broker is away."""
        await self._bus.on_confirmation(self._service, self._take_confirmation)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settlement.run())
            group.create_task(self._own.run())
            group.create_task(self._publishing.run())
            group.create_task(self._read_forever())
            group.create_task(self._look_forever())

    def progress(self, event_id: int) -> Progress | None:
        """What this relay knows of a waiting row; None when it has not read it yet."""
        event = self._window.get(event_id)
        if event is None:
            return None
        wait = max(0.0, event.due - self._clock.monotonic())
        return Progress(event.published_count, timedelta(seconds=wait), frozenset(event.missing))

    async def _read_forever(self) -> None:
        while True:
            rows = await self._next_rows()
            for row in rows:
                self._begin(row)
            self._tell_metrics()
            if len(rows) < READ_AT_ONCE:
                await self._outbox.wait_for_append(at_most=POLL)
            else:
                await asyncio.sleep(0)

    async def _next_rows(self) -> list[OutboxRow]:
        limit = min(READ_AT_ONCE, self._most_unconfirmed - len(self._window))
        try:
            rows = await self._reader.next(limit=limit) if limit > 0 else []
        except Unavailable as away:
            if self._can_read:
                _log.warning("the outbox of %s cannot be read: %s", self._service, away)
            self._can_read = False
            return []
        self._can_read = True
        return rows

    def _begin(self, row: OutboxRow) -> None:
        fp("outbox.row_read")
        kind = _kind_of(row.event.payload)
        if kind is None:
            # Nobody else will ever give it up: it would wait for good, and so would who asks for the outbox's age.
            _log.error("event %d cannot be read: a dead letter now", row.event.event_id)
            self._settlement.bury(row.place, group=self._service, reason="its bytes cannot be read")
            return
        if kind not in ROUTES:
            _log.error("event %d is of no known kind; it stays in the outbox for a later version", row.event.event_id)
            return
        event = unconfirmed(row, kind=kind, has_own_effect=self._own.has(kind), now=self._clock.monotonic())
        if not self._window.add(event):
            return
        if event.is_own_done:
            self._publishing.queue(event)
        else:
            self._own.queue(event)

    def _publish_if_new(self, event: Unconfirmed) -> None:
        if event.acked is None:
            self._publishing.queue(event)

    async def _look_forever(self) -> None:
        """Have everything done again that is due."""
        while True:
            await asyncio.sleep(self._look_every.total_seconds())
            positions = await self._positions()
            for number, event in enumerate(self._window.all()):
                self._look_at(event, positions, now=self._clock.monotonic())
                if number % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1:
                    await asyncio.sleep(0)

    async def _positions(self) -> dict[str, StreamPosition | None]:
        """Where the groups are that some event has been waiting for since the last look: one question per group."""
        before = self._clock.monotonic() - self._look_every.total_seconds()
        waiting = [event for event in self._window.all() if event.acked and event.published_at <= before]
        groups = {group for event in waiting for group in event.missing}
        return {group: await self._bus.position(group) for group in sorted(groups)}

    def _look_at(self, event: Unconfirmed, positions: Mapping[str, StreamPosition | None], *, now: float) -> None:
        if not event.is_own_done and event.own_due <= now:
            self._own.queue(event)
        if event.is_making_own or event.is_publishing:
            return
        if event.acked is None:
            self._publishing.queue(event)  # its payload could not be read
            return
        event.repeat_for = groups_to_repeat(event, positions, now=now, longest=self._longest_repeat)
        if event.repeat_for:
            self._publishing.queue(event)

    def _take_confirmation(self, payload: bytes) -> None:
        try:
            confirmation = events_pb2.Confirmation.FromString(payload)
        except DecodeError:
            _log.error("a confirmation for %s cannot be read", self._service)
            return
        fp("outbox.confirmation_came")
        group = confirmation.consumer_group
        for event_id in confirmation.event_ids:
            event = self._window.get(event_id)
            if event is None or group not in event.required:
                continue
            if confirmation.status == events_pb2.CONFIRMATION_STATUS_DONE:
                event.missing.discard(group)
                self._window.settle_if_done(event)
            elif confirmation.status == events_pb2.CONFIRMATION_STATUS_DEAD:
                self._window.give_up(event, group=group, reason=confirmation.reason)

    def _tell_metrics(self) -> None:
        oldest = self._window.oldest()
        age_us = self._clock.now_us() - oldest.created_us if oldest else 0
        self._metrics.outbox_rows.set(len(self._window))
        self._metrics.outbox_oldest_seconds.set(max(0, age_us) / 1_000_000)


def _kind_of(payload: bytes) -> str | None:
    """Its name; "" when a later version has given it one, None when the bytes are no event."""
    try:
        return events_pb2.Event.FromString(payload).WhichOneof("payload") or ""
    except DecodeError:
        return None

"""The loop of a consumer group: make the effects, confirm, ack; hand back what failed, with a delay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from google.protobuf.message import DecodeError

from aviary.events.v1 import events_pb2
from mesh.clock import Clock
from mesh.events.attempts import Attempts, NotYet, Outcome
from mesh.events.confirm import Confirmer
from mesh.events.interface import ACK_WAIT, Delivery, EventBus
from mesh.events.pump import pump
from mesh.events.routes import ROUTES
from mesh.failpoints import fp
from mesh.metrics import Metrics

__all__ = ["Confirmer", "Consumer", "NotYet", "Outcome"]

_log = logging.getLogger(__name__)


class Consumer:
    """One group's work on events and jobs.

    `events` maps payload kinds ("tweet_created") to handlers, `jobs` subjects ("job.fanout.*") to handlers of bytes.
    Handlers are called more than once, also at the same time, and must bear it. One that raises NotYet, or says that
    something behind is away (Unavailable, DeadlineExceeded, BusUnavailable, OSError), is called again for as long as
    it takes. After any other exception it is called again with growing delays, and at the sixth in this process the
    event is confirmed DEAD, and handed to `abandon_event` with the reason. A job that fails so is handed to
    `abandon_job`, and acked.
    """

    def __init__(
        self,
        bus: EventBus,
        *,
        group: str,
        events: Mapping[str, Callable[[events_pb2.Event], Awaitable[Outcome]]],
        clock: Clock,
        jobs: Mapping[str, Callable[[bytes], Awaitable[None]]] | None = None,
        abandon_job: Callable[[bytes, str], Awaitable[None]] | None = None,
        abandon_event: Callable[[events_pb2.Event, str], Awaitable[None]] | None = None,
        confirmer: Confirmer | None = None,
        metrics: Metrics | None = None,
        ack_wait: timedelta = ACK_WAIT,
        retry_after: timedelta = timedelta(seconds=1),
    ) -> None:
        self._bus = bus
        self._group = group
        self._events = events
        self._jobs = jobs or {}
        self._abandon_job = abandon_job
        self._abandon_event = abandon_event
        self._confirmer = confirmer or Confirmer(bus, group)
        self._attempts = Attempts(group, clock=clock, metrics=metrics or Metrics(), retry_after=retry_after)
        self._ack_wait = ack_wait

    async def run(self) -> None:
        """Work until cancelled. Raises only when the bus is closed for good."""
        async with asyncio.TaskGroup() as group:
            if self._events:
                subjects = sorted(ROUTES[kind].every_subject for kind in self._events)
                events = await self._bus.subscribe(self._group, subjects)
                group.create_task(pump(events, self._take_event, ack_wait=self._ack_wait))
            if self._jobs:
                jobs = await self._bus.subscribe(self._group, sorted(self._jobs))
                group.create_task(pump(jobs, self._take_job, ack_wait=self._ack_wait))

    async def _take_event(self, delivery: Delivery) -> None:
        try:
            event = events_pb2.Event.FromString(delivery.payload)
        except DecodeError:
            _log.error("%s: an event on %s that cannot be read is left out", self._group, delivery.subject)
            await delivery.ack()
            return
        kind = event.WhichOneof("payload") or ""
        handler = self._events.get(kind)
        if handler is None or (delivery.groups and self._group not in delivery.groups):
            await delivery.ack()
            return
        fp("consumer.event_came")
        outcome = await self._attempts.make(delivery, kind, event.event_id, lambda: handler(event))
        if outcome is None:
            return
        fp("consumer.effect_made")
        # Confirmed first: of an event that was acked and not confirmed, nobody would hear before its repeat is due.
        route = ROUTES[kind]
        if isinstance(outcome, str):
            await self._confirmer.dead(route.service, event.event_id, outcome)
            fp("consumer.given_up")
            if self._abandon_event is not None:
                await self._give_up(self._abandon_event(event, outcome), delivery)
        elif outcome is Outcome.DONE and self._group in route.required_groups:
            await self._confirmer.done(route.service, event.event_id)
            fp("consumer.confirmed")
        await delivery.ack()
        fp("consumer.acked")

    async def _take_job(self, delivery: Delivery) -> None:
        pattern = f"{delivery.subject.rpartition('.')[0]}.*"
        handler = self._jobs.get(delivery.subject) or self._jobs.get(pattern)
        if handler is None:
            await delivery.ack()
            return

        async def effect() -> Outcome:
            await handler(delivery.payload)
            return Outcome.DONE

        outcome = await self._attempts.make(delivery, pattern, delivery.payload, effect)
        if outcome is None:
            return
        if isinstance(outcome, str) and self._abandon_job is not None:
            await self._give_up(self._abandon_job(delivery.payload, outcome), delivery)
        fp("consumer.job_done")
        await delivery.ack()

    async def _give_up(self, abandoning: Awaitable[None], delivery: Delivery) -> None:
        try:
            await abandoning
        except Exception:  # noqa: BLE001 - or the same message would end every process that takes it
            _log.exception("%s: what came on %s cannot even be given up", self._group, delivery.subject)

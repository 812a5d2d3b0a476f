"""The loop of a consumer group: fetch, make the effects, confirm, ack; hand back what failed, with a delay."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from google.protobuf.message import DecodeError

from aviary.events.v1 import events_pb2
from mesh.background import background
from mesh.clock import Clock
from mesh.errors import DeadlineExceeded, Unavailable
from mesh.events.confirm import Confirmer
from mesh.events.interface import ACK_WAIT, BusUnavailable, Delivery, EventBus, Subscription
from mesh.events.routes import ROUTES
from mesh.metrics import Metrics

__all__ = ["Confirmer", "Consumer", "NotYet", "Outcome"]

_log = logging.getLogger(__name__)

FETCHED_AT_ONCE = 64
# A pull that is out while the broker dies stays silent for this long.
FETCH_WAIT = timedelta(seconds=2)
AT_ONCE = 32
MOST_FAILURES = 6
# So often delivered, a message may be what kills its process: it is handled alone.
SUSPICIOUS_ATTEMPTS = 3
LONGEST_DELAY = timedelta(seconds=30)
# Something behind is away: look again soon, and never give up.
LONGEST_OUTAGE_DELAY = timedelta(seconds=5)
BETWEEN_WARNINGS = timedelta(seconds=10)
REMEMBERED_FAILURES = 10_000
OUTAGES = (Unavailable, DeadlineExceeded, BusUnavailable, OSError)


class Outcome(enum.Enum):
    """What became of an event in its handler."""

    DONE = "done"
    """The effects are made: confirm and ack."""
    HANDED_ON = "handed_on"
    """A job does the rest and confirms: ack only."""


class NotYet(Exception):
    """The state that the event is about is not visible yet: deliver it again after `delay`. Not a failure."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"not before {delay.total_seconds()} s")
        self.delay = delay


class Consumer:
    """One group's work on events and jobs.

    `events` maps payload kinds ("tweet_created") to handlers, `jobs` subjects ("job.fanout.*") to handlers of bytes.
    Handlers are called more than once, also at the same time, and must bear it. One that raises NotYet, or says that
    something behind is away (Unavailable, DeadlineExceeded, BusUnavailable, OSError), is called again for as long as
    it takes. After any other exception it is called again with growing delays, and at the sixth in this process the
    event is confirmed DEAD. A job that fails so is handed to `abandon_job` with the reason, and acked.
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
        confirmer: Confirmer | None = None,
        metrics: Metrics | None = None,
        retry_after: timedelta = timedelta(seconds=1),
    ) -> None:
        self._bus = bus
        self._group = group
        self._events = events
        self._jobs = jobs or {}
        self._abandon_job = abandon_job
        self._clock = clock
        self._confirmer = confirmer or Confirmer(bus, group)
        self._metrics = metrics or Metrics()
        self._retry_after = retry_after
        self._failures: OrderedDict[object, int] = OrderedDict()
        self._quiet_until = 0.0
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Work until cancelled. Raises only when the bus is closed for good."""
        async with asyncio.TaskGroup() as group:
            if self._events:
                subjects = sorted(ROUTES[kind].every_subject for kind in self._events)
                group.create_task(self._consume(await self._bus.subscribe(self._group, subjects)))
            if self._jobs:
                group.create_task(self._consume(await self._bus.subscribe(self._group, sorted(self._jobs))))

    async def _consume(self, subscription: Subscription) -> None:
        while True:
            deliveries = await subscription.fetch(limit=FETCHED_AT_ONCE, wait=FETCH_WAIT)
            if not deliveries:
                continue
            open_deliveries = dict.fromkeys(deliveries)
            async with background(_speak_for(open_deliveries), name=f"keeping the messages of {self._group}"):
                for batch in _batches(deliveries):
                    async with asyncio.TaskGroup() as group:
                        for delivery in batch:
                            group.create_task(self._take(delivery, open_deliveries))

    async def _take(self, delivery: Delivery, open_deliveries: dict[Delivery, None]) -> None:
        async with self._slots:
            if delivery.subject.startswith("job."):
                await self._take_job(delivery)
            else:
                await self._take_event(delivery)
        del open_deliveries[delivery]

    async def _take_event(self, delivery: Delivery) -> None:
        try:
            event = events_pb2.Event.FromString(delivery.payload)
        except DecodeError:
            _log.error("%s: an event on %s that cannot be read is left out", self._group, delivery.subject)
            await delivery.ack()
            return
        kind = event.WhichOneof("payload") or "unknown"
        handler = self._events.get(kind)
        if handler is None or (delivery.groups and self._group not in delivery.groups):
            await delivery.ack()
            return
        route = ROUTES[kind]
        outcome = await self._attempt(delivery, kind, event.event_id, lambda: handler(event))
        if isinstance(outcome, str):
            await self._confirmer.dead(route.service, event.event_id, outcome)
        elif outcome is Outcome.DONE and self._group in route.required_groups:
            await self._confirmer.done(route.service, event.event_id)
        if outcome is not None:
            await delivery.ack()

    async def _take_job(self, delivery: Delivery) -> None:
        pattern = delivery.subject.rpartition(".")[0] + ".*"
        handler = self._jobs.get(delivery.subject) or self._jobs.get(pattern)
        if handler is None:
            await delivery.ack()
            return

        async def done() -> Outcome:
            await handler(delivery.payload)
            return Outcome.DONE

        outcome = await self._attempt(delivery, pattern, delivery.payload, done)
        if isinstance(outcome, str) and self._abandon_job is not None:
            await self._abandon_job(delivery.payload, outcome)
        if outcome is not None:
            await delivery.ack()

    async def _attempt(
        self, delivery: Delivery, kind: str, identity: object, effect: Callable[[], Awaitable[Outcome]]
    ) -> Outcome | str | None:
        """The handler's outcome; the reason when this was its last chance; None when it was handed back."""
        try:
            outcome = await effect()
        except NotYet as early:
            self._count(kind, "not_yet")
            await delivery.nak(delay=early.delay)
            return None
        except OUTAGES as away:
            self._count(kind, "unavailable")
            self._say_that_something_is_away(kind, away)
            await delivery.nak(
                delay=min(self._retry_after * (1 << min(delivery.attempts - 1, 8)), LONGEST_OUTAGE_DELAY)
            )
            return None
        except Exception as failure:  # noqa: BLE001 - a handler's bug must not stop the others
            return await self._failed(delivery, kind, identity, failure)
        self._failures.pop(identity, None)
        self._count(kind, outcome.value)
        return outcome

    async def _failed(self, delivery: Delivery, kind: str, identity: object, failure: Exception) -> str | None:
        # Counted here and not by the broker: restarts of broker and workers raise its count without any failure.
        failures = self._failures.pop(identity, 0) + 1
        if failures >= MOST_FAILURES:
            self._count(kind, "dead")
            _log.error("%s: %s is given up after %d failures", self._group, kind, failures, exc_info=failure)
            return f"{type(failure).__name__}: {failure}"
        self._failures[identity] = failures
        if len(self._failures) > REMEMBERED_FAILURES:
            self._failures.popitem(last=False)
        self._count(kind, "failed")
        _log.warning("%s: %s failed, time %d", self._group, kind, failures, exc_info=failure)
        await delivery.nak(delay=min(self._retry_after * (1 << (failures - 1)), LONGEST_DELAY))
        return None

    def _say_that_something_is_away(self, kind: str, away: Exception) -> None:
        now = self._clock.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + BETWEEN_WARNINGS.total_seconds()
            _log.warning("%s: %s and perhaps others must wait: %s", self._group, kind, away)

    def _count(self, kind: str, outcome: str) -> None:
        self._metrics.consumer_events.labels(self._group, kind, outcome).inc()


def _batches(deliveries: Sequence[Delivery]) -> Iterable[list[Delivery]]:
    together = [delivery for delivery in deliveries if delivery.attempts < SUSPICIOUS_ATTEMPTS]
    alone = [[delivery] for delivery in deliveries if delivery.attempts >= SUSPICIOUS_ATTEMPTS]
    return [together, *alone] if together else alone


async def _speak_for(open_deliveries: Mapping[Delivery, None]) -> None:
    while True:
        await asyncio.sleep(ACK_WAIT.total_seconds() / 3)
        for delivery in list(open_deliveries):
            await delivery.in_progress()

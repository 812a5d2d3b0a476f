"""A relay at work on an outbox, and consumer groups whose every step is up to the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from aviary.events.v1 import events_pb2
from mesh.background import background
from mesh.clock import SystemClock
from mesh.events.confirm import Confirmer
from mesh.events.interface import Delivery, EventBus, Outbox, Subscription
from mesh.events.outbox import OutboxWorker
from mesh.metrics import Metrics
from tests.support.buses import receive

REPEAT_AFTER = timedelta(milliseconds=200)
LOOK_EVERY = timedelta(milliseconds=20)


@asynccontextmanager
async def relay(
    outbox: Outbox,
    bus: EventBus,
    *,
    service: str = "tweet",
    own: Mapping[str, Callable[[events_pb2.Event], Awaitable[None]]] | None = None,
    repeat_after: timedelta = REPEAT_AFTER,
    most_unconfirmed: int = 100,
    metrics: Metrics | None = None,
) -> AsyncIterator[OutboxWorker]:
    """An outbox worker with short timers that runs until the block ends, which it does too when the worker fails."""
    worker = OutboxWorker(
        outbox,
        bus,
        service=service,
        own=own or {},
        clock=SystemClock(),
        metrics=metrics,
        repeat_after=repeat_after,
        look_every=LOOK_EVERY,
        most_unconfirmed=most_unconfirmed,
    )
    async with background(worker.run(), name="worker"):
        yield worker


class Group:
    """A consumer group with one worker."""

    def __init__(self, bus: EventBus, name: str, subscription: Subscription) -> None:
        self.subscription = subscription
        self._bus = bus
        self._name = name
        self._confirmer = Confirmer(bus, name)

    @classmethod
    async def join(cls, bus: EventBus, name: str) -> Group:
        """Receive every event of tweet_svc, and those of accounts."""
        subjects = ["ev.tweet.created.*", "ev.tweet.deleted.*", "ev.user.changed.*"]
        return cls(bus, name, await bus.subscribe(name, subjects))

    async def take(self, *, count: int = 1) -> list[Delivery]:
        """Receive and ack, without a confirmation."""
        deliveries = await receive(self.subscription, count=count)
        for delivery in deliveries:
            await delivery.ack()
        return deliveries

    async def confirm(self, *event_ids: int, owner: str = "tweet") -> None:
        for event_id in event_ids:
            await self._confirmer.done(owner, event_id)

    async def refuse(self, event_id: int, reason: str) -> None:
        await self._confirmer.dead("tweet", event_id, reason)


def event_ids(deliveries: Collection[Delivery]) -> list[int]:
    return sorted(events_pb2.Event.FromString(delivery.payload).event_id for delivery in deliveries)

"""Every backend of the bus, with a way to make it forget everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from mesh.events.interface import BusUnavailable, Delivery, EventBus, PubAck, Subscription
from mesh.events.memory import MemoryBus
from mesh.events.nats import open_bus
from mesh.events.nats_streams import EVENTS, FANOUT
from tests.support.servers import delete_streams
from tests.support.wait_until import wait_until

ACK_WAIT = timedelta(seconds=1)
# Long enough for whatever should come; only a failing test waits for all of it.
PATIENCE = timedelta(seconds=5)
# Long enough to see what must not come, on a bus that answers in a millisecond.
GLANCE = timedelta(seconds=0.1)


@dataclass(frozen=True)
class Backend:
    """A bus; `forget` loses its streams and the places of all groups."""

    bus: EventBus
    forget: Callable[[], None]


def memory_backend(*, ack_wait: timedelta = ACK_WAIT) -> Backend:
    """The bus in this process."""
    bus = MemoryBus(ack_wait=ack_wait)
    return Backend(bus, bus.forget)


@asynccontextmanager
async def jetstream_backend(url: str, *, ack_wait: timedelta = ACK_WAIT) -> AsyncIterator[Backend]:
    """JetStream on a server without streams."""
    async with open_bus(url, name="tests", ack_wait=ack_wait) as bus:
        yield Backend(bus, lambda: delete_streams(url, (EVENTS, FANOUT)))


async def publish(bus: EventBus, subject: str, payload: bytes, *, groups: tuple[str, ...] = ()) -> PubAck:
    """Publish, again and again until the broker takes it: it may be on its way up."""
    acks: list[PubAck] = []

    async def is_taken() -> bool:
        try:
            acks.append(await bus.publish(subject, payload, groups=groups))
        except BusUnavailable:
            return False
        return True

    await wait_until(is_taken)
    return acks[0]


async def in_time(condition: Callable[[], object | Awaitable[object]]) -> None:
    """Wait for what a bus does in a moment."""
    await wait_until(condition, at_most=PATIENCE.total_seconds())


async def receive(subscription: Subscription, *, count: int = 1) -> list[Delivery]:
    """Fetch until `count` messages are there; fewer when they do not come."""
    deliveries: list[Delivery] = []
    until = asyncio.get_running_loop().time() + PATIENCE.total_seconds()
    while len(deliveries) < count and asyncio.get_running_loop().time() < until:
        deliveries += await subscription.fetch(limit=count - len(deliveries), wait=timedelta(seconds=0.5))
    return deliveries

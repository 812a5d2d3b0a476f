"""A consumer of group "timeline" at work, with short delays."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from aviary.events.v1 import events_pb2
from mesh.background import background
from mesh.clock import SystemClock
from mesh.events.consume import Consumer, Outcome
from mesh.events.interface import EventBus
from mesh.metrics import Metrics
from tests.support.buses import ACK_WAIT, publish
from tests.support.outboxes import a_tweet_created

SHORTLY = timedelta(milliseconds=10)

Handler = Callable[[events_pb2.Event], Awaitable[Outcome]]


@asynccontextmanager
async def consuming(
    bus: EventBus,
    handler: Handler,
    *,
    kind: str = "tweet_created",
    jobs: Mapping[str, Callable[[bytes], Awaitable[None]]] | None = None,
    abandon_job: Callable[[bytes, str], Awaitable[None]] | None = None,
    abandon_event: Callable[[events_pb2.Event, str], Awaitable[None]] | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[None]:
    """Work until the block ends, which it does too when the consumer fails."""
    consumer = Consumer(
        bus,
        group="timeline",
        events={kind: handler},
        jobs=jobs,
        abandon_job=abandon_job,
        abandon_event=abandon_event,
        clock=SystemClock(),
        metrics=metrics,
        ack_wait=ACK_WAIT,
        retry_after=SHORTLY,
    )
    async with background(consumer.run(), name="consumer"):
        yield


async def done(event: events_pb2.Event) -> Outcome:
    """A handler with no effect."""
    return Outcome.DONE


async def announce(bus: EventBus, *tweet_ids: int, groups: tuple[str, ...] = ()) -> None:
    """Publish that these tweets were made."""
    for tweet_id in tweet_ids:
        event = a_tweet_created(tweet_id)
        await publish(bus, event.subject, event.payload, groups=groups)


async def all_acked(bus: EventBus) -> bool:
    """Whether the group has acked everything in EVENTS."""
    position = await bus.position("timeline")
    return position is not None and position.ack_floor == position.last

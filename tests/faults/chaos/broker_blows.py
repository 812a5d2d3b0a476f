"""What befalls the broker while its server lives: it freezes, or an operator takes something away from it."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nats.js.errors import NotFoundError

from mesh.clock import SystemClock
from mesh.events.nats_streams import EVENTS, FANOUT
from tests.faults.chaos.bar import Run
from tests.faults.chaos.blows import UNTAKEN_SECONDS, Loss
from tests.faults.chaos.broker import Broker, open_broker
from tests.faults.chaos.people import People
from tests.mesh.support.operator import Operator
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

# Longer than a publish waits for its answer, shorter than the pings that find a frozen server take.
FROZEN_SECONDS = 2.2
NOTICED_SECONDS = 10.0
TAKERS = ("timeline_svc-work", "engagement_svc")


async def freeze_nats(mesh: RunningMesh, _chance: random.Random) -> str:
    """Whatever is published meanwhile is given up by who sent it, and arrives all the same."""
    mesh.signal("nats", signal.SIGSTOP)
    await asyncio.sleep(FROZEN_SECONDS)
    mesh.signal("nats", signal.SIGCONT)
    return "nats frozen"


async def count_ghosts(people: People, run: Run) -> None:
    """The control of a freeze: events that are in the stream twice."""
    async with open_broker(people.mesh) as broker:
        times = Counter(event.event_id for event in await broker.events())
    ghosts = sum(count - 1 for count in times.values())
    run.figures["ghosts"] = ghosts
    run.expect("publishes that timed out arrived later", ghosts, is_so=ghosts > 0)


def take_away() -> Callable[[RunningMesh, random.Random], Awaitable[Loss]]:
    """A blow that deletes or empties one thing after the other. It fails when nobody notices within 10 s.

    The amount is 1 for what was there, is another one or none afterwards, and had events that nobody had taken.
    """
    numbers = itertools.count()

    async def blow(mesh: RunningMesh, _chance: random.Random) -> Loss:
        loss = _LOSSES[next(numbers) % len(_LOSSES)]
        # What is published now, nobody takes before it is lost.
        for name in TAKERS:
            mesh.signal(name, signal.SIGSTOP)
        await asyncio.sleep(UNTAKEN_SECONDS)
        async with open_broker(mesh) as broker:
            waiting, before = await _waiting(mesh), await loss.seen(broker)
            await loss.take(broker)
            is_gone = before is not None and await loss.seen(broker) != before
            for name in TAKERS:
                mesh.signal(name, signal.SIGCONT)
            clock = SystemClock()
            began = clock.monotonic()
            await wait_until(lambda: loss.is_noticed(mesh, broker, waiting), at_most=NOTICED_SECONDS)
            told = f"{loss.what} with {len(waiting)} waiting, noticed after {clock.monotonic() - began:.1f} s"
            return Loss(told, int(is_gone and bool(waiting)))

    return blow


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is taken away: a stream, or one of its consumers, and how somebody is seen to have noticed."""

    what: str
    take: Callable[[Broker], Awaitable[object]]
    is_noticed: Callable[[RunningMesh, Broker, frozenset[int]], Awaitable[bool]]
    stream: str
    group: str = ""

    async def seen(self, broker: Broker) -> object:
        """When it was made, and of a stream where it begins: another one is not the same. None when it is not there."""
        try:
            if self.group:
                return (await broker.jetstream.consumer_info(self.stream, self.group)).created
            info = await broker.jetstream.stream_info(self.stream)
        except NotFoundError:
            return None
        return info.created, info.state.first_seq


async def _waiting(mesh: RunningMesh) -> frozenset[int]:
    entries = await Operator(mesh).outbox("tweet_svc")
    return frozenset(entry.event_id for entry in entries if entry.attempts_count)


async def _has_consumer(broker: Broker, stream: str, group: str) -> bool:
    try:
        await broker.jetstream.consumer_info(stream, group)
    except NotFoundError:
        return False
    return True


async def _are_effects_made(mesh: RunningMesh, _broker: Broker, waiting: frozenset[int]) -> bool:
    return not waiting & await _waiting(mesh)


async def _are_timelines_back(_mesh: RunningMesh, broker: Broker, _waiting: frozenset[int]) -> bool:
    return await _has_consumer(broker, EVENTS, "timeline")


async def _are_counts_back(_mesh: RunningMesh, broker: Broker, _waiting: frozenset[int]) -> bool:
    return await _has_consumer(broker, EVENTS, "engagement")


async def _are_jobs_back(_mesh: RunningMesh, broker: Broker, _waiting: frozenset[int]) -> bool:
    return await _has_consumer(broker, FANOUT, "timeline")


_LOSSES = (
    _Taken("EVENTS purged", lambda broker: broker.jetstream.purge_stream(EVENTS), _are_effects_made, EVENTS),
    _Taken(
        "timeline deleted",
        lambda broker: broker.jetstream.delete_consumer(EVENTS, "timeline"),
        _are_timelines_back,
        EVENTS,
        "timeline",
    ),
    _Taken("EVENTS deleted", lambda broker: broker.jetstream.delete_stream(EVENTS), _are_effects_made, EVENTS),
    _Taken(
        "engagement deleted",
        lambda broker: broker.jetstream.delete_consumer(EVENTS, "engagement"),
        _are_counts_back,
        EVENTS,
        "engagement",
    ),
    _Taken("FANOUT deleted", lambda broker: broker.jetstream.delete_stream(FANOUT), _are_jobs_back, FANOUT),
)

"""The two streams and their consumers: one configuration, made by whoever finds them missing.

The broker is disposable, so the default interval of its fsync does, and a lost stream is simply made again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError

from mesh.events.interface import ACK_WAIT
from mesh.events.nats_connection import NatsConnection

_log = logging.getLogger(__name__)

EVENTS = "EVENTS"
FANOUT = "FANOUT"
MOST_ACK_PENDING = 1_024
# Replay of a day is the most that a new consumer gets; the outbox covers the rest.
EVENTS_RETENTION = timedelta(hours=24)
LARGEST = {EVENTS: 1 << 30, FANOUT: 1 << 28}
SMALLEST = 1 << 24
NO_ROOM = 10_047
OTHER_CONFIG = 10_058


def stream_of(subject: str) -> str:
    """The stream that holds a subject."""
    return FANOUT if subject.startswith("job.") else EVENTS


def stream_config(name: str, *, max_bytes: int) -> StreamConfig:
    """EVENTS keeps what is acked and lets old messages go: others may read them. FANOUT is a work queue, and refuses.

    FANOUT has no age limit: a limit would drop jobs that nobody has done.
    """
    if name == EVENTS:
        return StreamConfig(
            name=EVENTS,
            subjects=["ev.>"],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            max_age=EVENTS_RETENTION.total_seconds(),
            max_bytes=max_bytes,
            storage=StorageType.FILE,
        )
    return StreamConfig(
        name=FANOUT,
        subjects=["job.fanout.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        max_bytes=max_bytes,
        storage=StorageType.FILE,
    )


def consumer_config(group: str, subjects: Sequence[str], *, ack_wait: timedelta) -> ConsumerConfig:
    """A durable named for its group. max_deliver is unlimited: a message that the broker gives up is in no figure."""
    return ConsumerConfig(
        name=group,
        durable_name=group,
        filter_subjects=list(subjects),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait.total_seconds(),
        max_deliver=-1,
        max_ack_pending=MOST_ACK_PENDING,
        deliver_policy=DeliverPolicy.ALL,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    generation: int
    epoch: str


class Streams:
    """The streams as this process last saw them. Errors are those of nats-py."""

    def __init__(self, connection: NatsConnection, *, ack_wait: timedelta = ACK_WAIT) -> None:
        self._connection = connection
        self._ack_wait = ack_wait
        self._known: dict[str, _Known] = {}
        self._making = asyncio.Lock()

    async def epoch_of(self, name: str) -> str:
        """When the stream was made; looks, and makes it if need be, once after each connect and each `forget`."""
        known = self._known.get(name)
        if known is not None and known.generation == self._connection.generation:
            return known.epoch
        async with self._making:
            known = self._known.get(name)
            if known is None or known.generation != self._connection.generation:
                known = self._remember(await self._find_or_make(name))
            return known.epoch

    async def look_at(self, name: str) -> StreamInfo:
        """The stream as it is now; made if it is gone."""
        info = await self._find_or_make(name)
        self._remember(info)
        return info

    def forget(self, name: str) -> None:
        """Something says that the stream is gone."""
        self._known.pop(name, None)

    async def make_consumer(self, group: str, subjects: Sequence[str]) -> None:
        """Make the consumer of a group, or make it as it should be."""
        name = stream_of(subjects[0])
        await self.epoch_of(name)
        try:
            await self._connection.jetstream.add_consumer(
                name, consumer_config(group, subjects, ack_wait=self._ack_wait)
            )
        except NotFoundError:
            self.forget(name)
            raise

    def _remember(self, info: StreamInfo) -> _Known:
        known = _Known(self._connection.generation, str(info.created))
        self._known[info.config.name or ""] = known
        return known

    async def _find_or_make(self, name: str) -> StreamInfo:
        try:
            return await self._brought_up_to_date(await self._connection.jetstream.stream_info(name))
        except NotFoundError:
            return await self._make(name)

    async def _make(self, name: str) -> StreamInfo:
        max_bytes = LARGEST[name]
        while True:
            try:
                made = await self._connection.jetstream.add_stream(stream_config(name, max_bytes=max_bytes))
            except APIError as error:
                if error.err_code == OTHER_CONFIG:  # somebody was quicker, and had other room
                    return await self._connection.jetstream.stream_info(name)
                if error.err_code != NO_ROOM or max_bytes <= SMALLEST:
                    raise
                max_bytes //= 2
            else:
                _log.info("made the stream %s of %d MiB at most", name, max_bytes >> 20)
                return made

    async def _brought_up_to_date(self, info: StreamInfo) -> StreamInfo:
        """The stream, changed if an earlier version of this module made it."""
        found = info.config
        wanted = stream_config(found.name or "", max_bytes=found.max_bytes or SMALLEST)
        if (found.subjects, found.max_age, found.discard) == (wanted.subjects, wanted.max_age or 0, wanted.discard):
            return info
        _log.info("the stream %s is brought up to date", found.name)
        return await self._connection.jetstream.update_stream(wanted)

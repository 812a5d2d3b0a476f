"""The broker of a mesh as its operator sees it: what it keeps, and how far the groups are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from aviary.events.v1 import events_pb2
from mesh.events.nats_pull import GROUPS_HEADER
from mesh.events.nats_streams import EVENTS, FANOUT
from mesh.events.routes import ROUTES
from tests.mesh.support.running_mesh import RunningMesh

# What JetStream drops repeats by. The mesh sends none: a repeat of an event must reach its groups.
MESSAGE_ID_HEADER = "Nats-Msg-Id"


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that the stream EVENTS has kept."""

    subject: str
    payload: bytes
    event_id: int
    groups: frozenset[str]
    has_message_id: bool


@dataclass(frozen=True, slots=True)
class Broker:
    """One connection to it."""

    client: Client
    jetstream: JetStreamContext

    async def events(self) -> list[Kept]:
        """All messages of EVENTS, the first one first."""
        state = (await self.jetstream.stream_info(EVENTS)).state
        kept = []
        for sequence in range(state.first_seq, state.last_seq + 1):
            try:
                message = await self.jetstream.get_msg(EVENTS, sequence)
            except NotFoundError:
                continue
            kept.append(_kept(str(message.subject), message.data or b"", message.headers or {}))
        return kept

    async def publish(self, event: Kept) -> None:
        """Put a message onto EVENTS once more, for every group. It counts as sent when the broker has it."""
        await self.jetstream.publish(event.subject, event.payload)

    async def last_sequence(self) -> int:
        """How many messages EVENTS has ever taken."""
        return int((await self.jetstream.stream_info(EVENTS)).state.last_seq)

    async def backlog(self) -> tuple[int, int]:
        """Messages that a group has not taken yet, and those that it has taken and not acked, of all groups."""
        groups = [info for name in (EVENTS, FANOUT) for info in await self.jetstream.consumers_info(name)]
        return sum(group.num_pending or 0 for group in groups), sum(group.num_ack_pending or 0 for group in groups)

    async def is_idle(self) -> bool:
        """Whether every group has taken and acked all there is."""
        return await self.backlog() == (0, 0)


@asynccontextmanager
async def open_broker(mesh: RunningMesh) -> AsyncIterator[Broker]:
    """A connection for as long as the block; the broker must be there."""
    async with await nats.connect(mesh.find("nats")["address"]) as client:
        yield Broker(client, client.jetstream())


def required_of(payload: bytes) -> frozenset[str]:
    """The groups that must confirm an event; all of them receive it."""
    kind = events_pb2.Event.FromString(payload).WhichOneof("payload")
    return ROUTES[kind].required_groups if kind else frozenset()


def _kept(subject: str, payload: bytes, headers: dict[str, str]) -> Kept:
    groups = headers.get(GROUPS_HEADER, "")
    event_id = events_pb2.Event.FromString(payload).event_id
    named = frozenset(groups.split(",")) if groups else frozenset()
    return Kept(subject, payload, event_id, named, MESSAGE_ID_HEADER in headers)

"""The bus on NATS JetStream. It may lose everything: the outbox makes good for it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from nats.aio.msg import Msg
from nats.errors import Error
from nats.js.errors import NoStreamResponseError, NotFoundError

from mesh.events.interface import ACK_WAIT, BusUnavailable, EventBus, PubAck, StreamPosition, Subscription
from mesh.events.nats_connection import NatsConnection, open_connection
from mesh.events.nats_pull import GROUPS_HEADER, NatsSubscription
from mesh.events.nats_streams import EVENTS, Streams, stream_of

_log = logging.getLogger(__name__)

# Above this the client waits for the socket, and swallows cancellation while it does.
MOST_UNSENT_BYTES = 1 << 20


@asynccontextmanager
async def open_bus(url: str, *, name: str, ack_wait: timedelta = ACK_WAIT) -> AsyncIterator[EventBus]:
    """The bus at `nats://user:password@host:port`. Starts also while NATS is away; `name` is for its operator."""
    async with open_connection(url, name=name) as connection:
        yield NatsBus(connection, Streams(connection, ack_wait=ack_wait))


class NatsBus(EventBus):
    """Publishes with acks, consumes by pulling, confirms on core NATS. Raises BusClosed when the client gave up."""

    def __init__(self, connection: NatsConnection, streams: Streams) -> None:
        self._connection = connection
        self._streams = streams

    async def publish(self, subject: str, payload: bytes, *, groups: Collection[str] = ()) -> PubAck:
        # A publish that is buffered while the connection is away times out here and is delivered later all the same.
        if not self._connection.is_connected or self._connection.client.pending_data_size > MOST_UNSENT_BYTES:
            raise BusUnavailable("NATS is away or busy")
        name = stream_of(subject)
        headers = {GROUPS_HEADER: ",".join(sorted(groups))} if groups else None
        try:
            epoch = await self._streams.epoch_of(name)
            ack = await self._connection.jetstream.publish(subject, payload, headers=headers)
        except NoStreamResponseError as gone:
            self._streams.forget(name)
            raise BusUnavailable("the stream is gone") from gone
        except (Error, TimeoutError, OSError) as failure:
            raise BusUnavailable(f"{type(failure).__name__}: {failure}") from failure
        return PubAck(epoch, ack.seq)

    async def subscribe(self, group: str, subjects: Sequence[str]) -> Subscription:
        return NatsSubscription(self._connection, self._streams, group=group, subjects=subjects)

    async def position(self, group: str) -> StreamPosition | None:
        if not self._connection.is_connected:
            return None
        try:
            stream = await self._streams.look_at(EVENTS)
            ack_floor = await self._ack_floor(group)
        except (Error, TimeoutError, OSError) as failure:
            _log.debug("no position of %s: %s", group, failure)
            return None
        return StreamPosition(str(stream.created), stream.state.first_seq, stream.state.last_seq, ack_floor)

    async def confirm(self, owner: str, payload: bytes) -> None:
        if not self._connection.generation:
            return
        with suppress(Error):
            await self._connection.client.publish(f"confirm.{owner}", payload)

    async def on_confirmation(self, owner: str, take: Callable[[bytes], None]) -> None:
        async def receive(message: Msg) -> None:
            take(message.data)

        async def listen() -> None:
            await self._connection.client.subscribe(f"confirm.{owner}", cb=receive)

        await self._connection.when_connected(listen)

    async def _ack_floor(self, group: str) -> int:
        try:
            consumer = await self._connection.jetstream.consumer_info(EVENTS, group)
        except NotFoundError:
            return 0  # a group that comes later receives the stream from its first message
        return consumer.ack_floor.stream_seq if consumer.ack_floor else 0

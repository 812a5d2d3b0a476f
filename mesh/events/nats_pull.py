"""A group's place in a stream: pull requests of our own, for what the server says about them matters.

`fetch` of nats-py hides the status that tells of a lost consumer, and loses messages when it is cancelled.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Inbox
from nats.errors import Error
from nats.js.api import Header

from mesh.events.interface import Delivery, Subscription
from mesh.events.nats_connection import NatsConnection
from mesh.events.nats_streams import Streams, stream_of

GROUPS_HEADER = "Aviary-Groups"
# The server answers when a request is over; if it does not, the connection or the consumer is in doubt.
GRACE = timedelta(seconds=0.5)
PAUSE = timedelta(seconds=0.5)
# Between two looks at a consumer that is gone, or busy in a way that the server refuses to queue for.
SHORT_PAUSE = timedelta(milliseconds=50)
# "No messages" and "request timeout" end a request that the consumer knew of.
ANSWERED = {"404", "408"}


class NatsSubscription(Subscription):
    """Works before the broker is there, and makes stream and consumer again when they are gone."""

    def __init__(self, connection: NatsConnection, streams: Streams, *, group: str, subjects: Sequence[str]) -> None:
        self._connection = connection
        self._streams = streams
        self._group = group
        self._subjects = subjects
        self._inbox = connection.client.new_inbox()
        self._receiver: Inbox | None = None
        self._request = 0
        self._status = ""
        self._arrived: deque[Delivery] = deque()
        self._news = asyncio.Event()
        self._made_in_generation = 0

    async def fetch(self, *, limit: int, wait: timedelta) -> list[Delivery]:
        if not self._arrived and await self._connection.wait_until_connected(at_most=wait):
            try:
                await self._make_sure_of_the_consumer()
                await self._pull(limit, wait)
            except (Error, TimeoutError, OSError):
                self._made_in_generation = 0
                await asyncio.sleep(PAUSE.total_seconds())
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    async def _make_sure_of_the_consumer(self) -> None:
        generation = self._connection.generation
        if self._receiver is None:
            self._receiver = await self._connection.client.subscribe(f"{self._inbox}.*", cb=self._receive)
        if self._made_in_generation != generation:
            await self._streams.make_consumer(self._group, self._subjects)
            self._made_in_generation = generation

    async def _pull(self, limit: int, wait: timedelta) -> None:
        self._request += 1
        self._status = ""
        # With both set the server waits for the first message, then sends what is there and ends the request.
        request = {"batch": limit, "expires": int(wait.total_seconds() * 1e9), "no_wait": True}
        stream = stream_of(self._subjects[0])
        await self._connection.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{self._group}",
            json.dumps(request).encode(),
            reply=f"{self._inbox}.{self._request}",
        )
        async with asyncio.timeout((wait + GRACE).total_seconds()):
            while not self._status and len(self._arrived) < limit:
                self._news.clear()
                await self._news.wait()
        if self._status and self._status not in ANSWERED:
            self._made_in_generation = 0
            self._streams.forget(stream)
            await asyncio.sleep(SHORT_PAUSE.total_seconds())

    async def _receive(self, message: Msg) -> None:
        status = (message.headers or {}).get(Header.STATUS)
        if status is None:
            self._arrived.append(NatsDelivery(self._connection, message))
        elif message.subject == f"{self._inbox}.{self._request}":
            self._status = status
        self._news.set()


class NatsDelivery(Delivery):
    """A message of JetStream. Its answers are best effort: without one it comes again."""

    def __init__(self, connection: NatsConnection, message: Msg) -> None:
        self._connection = connection
        self._message = message

    @property
    def subject(self) -> str:
        return self._message.subject

    @property
    def payload(self) -> bytes:
        return self._message.data

    @property
    def attempts(self) -> int:
        return self._message.metadata.num_delivered

    @property
    def groups(self) -> frozenset[str]:
        named = (self._message.headers or {}).get(GROUPS_HEADER, "")
        return frozenset(named.split(",")) if named else frozenset()

    async def ack(self) -> None:
        await self._answer(b"")

    async def nak(self, *, delay: timedelta) -> None:
        await self._answer(b"-NAK " + json.dumps({"delay": int(delay.total_seconds() * 1e9)}).encode())

    async def in_progress(self) -> None:
        await self._answer(b"+WPI")

    async def _answer(self, answer: bytes) -> None:
        with suppress(Error):
            await self._connection.client.publish(self._message.reply, answer)

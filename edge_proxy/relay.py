"""Hands on a server stream, message by message, as fast as its client reads; one that does not holds up the service.

What fails before the first message is answered as any other request; after that, as the stream's form says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc

from edge_proxy.headers import answer_headers
from edge_proxy.http_errors import Answer, out_of_time
from edge_proxy.request_body import ClientGone, RequestBody
from edge_proxy.stream_forms import StreamForm
from edge_proxy.upstream import StreamCall
from mesh.errors import MeshError, Unavailable

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
HeaderList: TypeAlias = list[tuple[bytes, bytes]]

# The extension of ASGI that ends a connection without ending its answer.
CUT = "edge_proxy.cut"
# A service may see the deadline this much before the edge.
DEADLINE_MARGIN_SECONDS = 0.1
# When the edge ends, streams whose clients do not come back by themselves have this long to come to their own end.
DRAIN_SECONDS = 5.0
# Kept by nobody on the way, neither the whole nor a piece that a proxy waits to fill.
_UNBUFFERED = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))


@dataclass(frozen=True, slots=True)
class Client:
    """The client of one stream. `cut` ends its connection in a way that shows that something is missing."""

    body: RequestBody
    send: Send
    cut: Callable[[], None] | None
    wants_head_alone: bool


@dataclass(slots=True, eq=False)
class Relay:
    """One stream; `headers` are those of every answer, and `told` makes the answer of a failure."""

    call: StreamCall
    parsed: Callable[[bytes], Any]
    form: StreamForm
    client: Client
    headers: HeaderList
    told: Callable[[Exception], Answer]
    keep_alive: float
    messages: int = 0
    has_begun: bool = False
    _over: asyncio.Future[MeshError] = field(init=False)
    _gone: asyncio.Future[None] = field(init=False)
    _reading: asyncio.Future[bytes | None] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._over = asyncio.get_running_loop().create_future()

    async def run(self, seconds: float) -> str:
        """Hand it all on, for `seconds` at most; the code it ended with.

        Before the first message it raises instead: grpc.aio.AioRpcError, MeshError, ClientGone.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        timer = loop.call_at(until, self._end, out_of_time())
        self._gone = asyncio.ensure_future(self.client.body.gone())  # noqa: TID251 - owned here, cancelled below
        try:
            return await self._all(until)
        finally:
            timer.cancel()
            self.call.cancel()
            beside = [each for each in (self._gone, self._reading) if each is not None]
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def drain(self) -> None:
        """The edge ends: so does this, at once when its client connects again by itself, else in a while."""
        seconds = 0.0 if self.form.goes_on else DRAIN_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._end, Unavailable.backend("this edge"))

    async def _all(self, until: float) -> str:
        try:
            await self._messages(until)
        except ClientGone:
            if not self.has_begun:
                raise
            return "CANCELLED"
        except Exception as error:
            if self.form.goes_on and self._over.done() and error is self._over.result():
                await self._begin(None)
                await self._finish(self.form.closing)
                return "OK"
            if not self.has_begun:
                raise
            answer = self.told(error)
            await self._fail(answer)
            return answer.code
        await self._finish(self.form.closing if self.messages else self.form.closing_of_none)
        return "OK"

    async def _messages(self, until: float) -> None:
        received = aiter(self.call)
        while True:
            try:
                raw = await self._next(received)
            except grpc.aio.AioRpcError as error:
                left = until - asyncio.get_running_loop().time()
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED and left < DEADLINE_MARGIN_SECONDS:
                    self._end(out_of_time())
                    raise self._over.result() from None
                raise
            message = None if raw is None else self.parsed(raw)
            written = b"" if message is None else self.form.write(message, self.messages == 0)
            await self._begin(message)
            if message is None or self.client.wants_head_alone:
                return
            self.messages += 1
            await self._write(written)

    async def _next(self, received: Any) -> bytes | None:  # noqa: ANN401 - an iterator of gRPC
        """The next message; None at the end. Beside it, the client's leaving and the end of the time are looked for."""
        reading = self._reading = asyncio.ensure_future(_received(received))  # noqa: TID251 - owned by run
        while True:
            waiting: set[asyncio.Future[Any]] = {reading, self._gone, self._over}
            done, _ = await asyncio.wait(waiting, timeout=self._pause(), return_when=asyncio.FIRST_COMPLETED)
            if self._gone in done:
                raise ClientGone
            if self._over in done:
                raise self._over.result()
            if reading in done:
                return reading.result()
            await self._begin(None)
            if self.client.wants_head_alone:
                return None
            await self._write(self.form.keep_alive or b"")

    def _pause(self) -> float | None:
        return self.keep_alive if self.form.keep_alive is not None else None

    def _end(self, why: MeshError) -> None:
        if not self._over.done():
            self._over.set_result(why)

    async def _begin(self, message: Any) -> None:  # noqa: ANN401 - a message made at run time, None for none
        """Send the headers, once. A service's own are known with its first message."""
        if self.has_begun:
            return
        said: tuple[tuple[str, str | bytes], ...] = () if message is None else tuple(await self.call.initial_metadata())
        own = [each for each in answer_headers(said) if each[0] not in {b"cache-control", b"etag"}]
        kind = self.form.content_type(message)
        headers = [*self.headers, *own, *_UNBUFFERED, (b"content-type", kind)]
        self.has_begun = True
        await self.client.send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.form.opening:
            await self._write(self.form.opening)

    async def _write(self, body: bytes) -> None:
        """Waits while the client has not read what it was sent."""
        await self.client.send({"type": "http.response.body", "body": body, "more_body": True})

    async def _finish(self, body: bytes) -> None:
        await self.client.send({"type": "http.response.body", "body": body, "more_body": False})

    async def _fail(self, answer: Answer) -> None:
        if self.form.failed is not None:
            await self._finish(self.form.failed(answer.body))
        # Without a connection that can, returning now tells the server that something went wrong.
        elif self.client.cut is not None:
            self.client.cut()
            await self._gone


async def _received(received: Any) -> bytes | None:  # noqa: ANN401 - an iterator of gRPC
    message: bytes | None = await anext(received, None)
    return message

"""Calls to one gRPC target, over streams where it takes them, else one by one; repeated where that is asked for."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from functools import partial
from typing import TypeAlias

import grpc

from mesh.calls.call_stream import Answer, CallStream, NoStreams, failure
from mesh.calls.wire import Metadata

# Larger requests go alone, so that they hold up nobody.
MOST_CARRIED_BYTES = 64 * 1024
# A target that is a name may stand for any number of servers.
STREAMS_OF_A_NAME = 4
# So long a server that takes no streams is not asked for one again.
ONE_BY_ONE_FOR = timedelta(seconds=60)

ATTEMPTS = 3
FIRST_PAUSE = timedelta(milliseconds=20)
PUSHBACK_KEY = "grpc-retry-pushback-ms"

_Unary: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


class RetryBudget:
    """Repeats as long as most calls succeed: a full budget of 100, a failure takes 1 and a success brings 0.1.

    Source: gRFC A6, retry throttling.
    """

    MOST = 100.0

    def __init__(self) -> None:
        self._tokens = self.MOST

    def succeeded(self) -> None:
        """A call was answered, whatever the answer."""
        self._tokens = min(self.MOST, self._tokens + 0.1)

    def failed(self) -> bool:
        """A call was not answered; whether it may be repeated."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > self.MOST / 2


class CallTarget:
    """The streams of one channel, as many as there are servers behind it, used in turn.

    `takes_streams` is False for servers that are known to be none of the mesh.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        target: str,
        *,
        takes_streams: bool = True,
        one_by_one_for: timedelta = ONE_BY_ONE_FOR,
    ) -> None:
        self._channel = channel
        self._streams: list[CallStream | None] = [None] * _servers(target)
        self._turn = 0
        self._open: set[CallStream] = set()
        self._unary: dict[str, _Unary] = {}
        self._is_closed = False
        self._one_by_one_for = one_by_one_for.total_seconds()
        self._one_by_one_until = float("-inf") if takes_streams else float("inf")
        self._budget = RetryBudget()

    async def call(
        self, path: str, request: bytes, *, seconds: float, metadata: Metadata, may_repeat: bool = False
    ) -> Answer:
        """The response and the initial metadata, within `seconds`. Raises grpc.aio.AioRpcError.

        With `may_repeat` it is repeated while the service is UNAVAILABLE, up to three attempts in all, after a pause
        that grows or that the server asks for, within the same deadline and the target's budget.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = await self._once(path, request, deadline, metadata)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    self._budget.succeeded()
                    raise
                pause = _pause(error, attempt)
                has_budget = self._budget.failed()
                if not may_repeat or not has_budget or attempt == ATTEMPTS or pause is None:
                    raise
                if loop.time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
            else:
                self._budget.succeeded()
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """End the streams; calls in progress and those that are made later end UNAVAILABLE."""
        self._is_closed = True
        for stream in self._open:
            stream.close()
        await asyncio.gather(*(stream.ended for stream in self._open))

    async def _once(self, path: str, request: bytes, deadline: float, metadata: Metadata) -> Answer:
        loop = asyncio.get_running_loop()
        if self._is_closed:
            raise failure(grpc.StatusCode.UNAVAILABLE, "the channel is closed")
        if len(request) <= MOST_CARRIED_BYTES and loop.time() >= self._one_by_one_until:
            try:
                seconds = deadline - loop.time()
                return await self._stream().call(path, request, seconds=seconds, metadata=metadata)
            except NoStreams:
                self._one_by_one_until = loop.time() + self._one_by_one_for
        if path not in self._unary:
            self._unary[path] = self._channel.unary_unary(path)
        call = self._unary[path](request, timeout=deadline - loop.time(), metadata=tuple(metadata))
        return await call, tuple(await call.initial_metadata())

    def _stream(self) -> CallStream:
        """The next one whose server is known to live, as long as there is one."""
        for _ in self._streams:
            stream = self._next_stream()
            if stream.is_taken:
                break
        return stream

    def _next_stream(self) -> CallStream:
        self._turn = (self._turn + 1) % len(self._streams)
        stream = self._streams[self._turn]
        # In its place comes one that has to be taken first: by a server that works, or by this one once it does again.
        # Without others there is nobody to go to.
        if stream is not None and stream.is_taken and stream.is_silent and len(self._streams) > 1:
            stream.retire()
        if stream is None or not stream.is_open:
            stream = self._streams[self._turn] = CallStream(self._channel)
            self._open.add(stream)
            stream.ended.add_done_callback(partial(self._forget, stream))
        return stream

    def _forget(self, stream: CallStream, _: object) -> None:
        self._open.discard(stream)


def _servers(target: str) -> int:
    scheme, _, addresses = target.partition(":")
    return addresses.count(",") + 1 if scheme in {"ipv4", "ipv6", "unix"} else STREAMS_OF_A_NAME


def _pause(error: grpc.aio.AioRpcError, attempt: int) -> float | None:
    """Seconds until the next attempt; None when the server wants none."""
    asked = dict(error.trailing_metadata() or ()).get(PUSHBACK_KEY)
    if asked is None:
        return random.uniform(0, FIRST_PAUSE.total_seconds() * 2 ** (attempt - 1))  # noqa: S311 - spreads load
    try:
        return int(asked) / 1000 if int(asked) >= 0 else None
    except ValueError:
        return None

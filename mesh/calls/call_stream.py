"""The client's end: many unary calls over one stream. What is called in one turn of the loop goes out together."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import grpc
from google.protobuf.message import DecodeError

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedAnswer, CarriedCall, CarryRequest, CarryResponse, Metadatum
from mesh.calls.wire import PART_BYTES, PATH, TAKEN, Metadata, from_wire, to_wire

Answer: TypeAlias = tuple[bytes, tuple[tuple[str, str | bytes], ...]]

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_LONGEST_US = 2**32 - 1
REFUSAL = timedelta(seconds=0.1)
# Who says nothing for so long to what was asked may stand still.
SILENCE = timedelta(seconds=1)


class NoStreams(Exception):
    """The server takes no such stream: it is none of the mesh."""


@dataclass(slots=True)
class _Waiting:
    answer: asyncio.Future[Answer]
    parts: list[bytes] = field(default_factory=list)


class CallStream:
    """One stream to one server, opened at once; `is_open` until no further call may be made over it.

    `is_taken` says whether the server has said that it takes it.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.is_open = True
        self.is_taken = False
        self._is_refused = False
        self._loop = asyncio.get_running_loop()
        carry: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(PATH)
        self._stream = carry()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        # Not sent yet; and those sent that nobody waits for any more.
        self._calls: dict[int, CarriedCall] = {}
        self._cancelled: list[int] = []
        self._writer: asyncio.Task[None] | None = None
        # The first call since the server was last heard.
        self._asked_at: float | None = None
        self.ended = self._loop.create_task(self._read())
        self._wake_writer()

    async def call(self, path: str, request: bytes, *, seconds: float, metadata: Metadata) -> Answer:
        """The response and the initial metadata. Raises grpc.aio.AioRpcError, and NoStreams."""
        number = next(self._numbers)
        self._calls[number] = CarriedCall(
            number=number,
            path=path,
            request=request,
            timeout_us=max(1, min(int(seconds * 1e6), _LONGEST_US)),
            metadata=to_wire(metadata),
        )
        waiting = self._waiting[number] = _Waiting(self._loop.create_future())
        if self._asked_at is None:
            self._asked_at = self._loop.time()
        self._wake_writer()
        timer = self._loop.call_later(seconds, self._expire, number)
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            self._give_up(number)
            raise
        finally:
            timer.cancel()

    @property
    def is_silent(self) -> bool:
        """Whether the server has not been heard for SILENCE, or longer, since it was asked for something."""
        return self._asked_at is not None and self._loop.time() - self._asked_at > SILENCE.total_seconds()

    def retire(self) -> None:
        """Take no further calls; those in progress may still be answered."""
        self.is_open = False
        self._wake_writer()

    def close(self) -> None:
        """End it now; calls in progress end UNAVAILABLE."""
        self.is_open = False
        self._stream.cancel()

    def _expire(self, number: int) -> None:
        waiting = self._give_up(number)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_exception(failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"))

    def _give_up(self, number: int) -> _Waiting | None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            if self._calls.pop(number, None) is None:
                self._cancelled.append(number)
            self._wake_writer()
        return waiting

    def _wake_writer(self) -> None:
        if self._writer is None:
            self._writer = self._loop.create_task(self._write())

    async def _write(self) -> None:
        """Begins after whatever else is called in this turn of the loop. What breaks the stream is told by reading."""
        try:
            # What is written to a server that takes no streams may hide its refusal, as INTERNAL: reading tells of it.
            # And a write before there is a connection would wait for ever when the stream is cancelled meanwhile.
            if TAKEN not in tuple(await self._stream.initial_metadata()):
                await self._be_refused()
                return
            self.is_taken = True
            while self._calls or self._cancelled:
                await self._stream.write(self._next_message().SerializeToString())
            if not self.is_open and not self._waiting:
                await self._stream.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError):
            self.is_open = False
        finally:
            self._writer = None

    async def _be_refused(self) -> None:
        """The status of the refusal follows at once; a server that says none does not know what this stream is."""
        self.is_open = False
        await asyncio.wait([self.ended], timeout=REFUSAL.total_seconds())
        self._is_refused = True
        self._stream.cancel()

    def _next_message(self) -> CarryRequest:
        message = CarryRequest(cancelled_numbers=self._cancelled)
        self._cancelled.clear()
        size = 0
        while self._calls and size < PART_BYTES:
            call = self._calls.pop(next(iter(self._calls)))
            size += call.ByteSize()
            message.calls.append(call)
        return message

    async def _read(self) -> None:
        ended: Exception
        try:
            while isinstance(message := await self._stream.read(), bytes):  # until EOF
                self._asked_at = None
                self._settle(CarryResponse.FromString(message))
            ended = _unavailable("the stream ended before the answer")
        except grpc.aio.AioRpcError as error:
            # Whatever the stream's own end is called, it is no answer to a call.
            is_unknown = error.code() is grpc.StatusCode.UNIMPLEMENTED
            ended = NoStreams() if is_unknown else _unavailable(error.details() or "the stream broke")
        except asyncio.CancelledError:
            ended = NoStreams() if self._is_refused else _unavailable("the channel is closed")
        except DecodeError:
            ended = _unavailable("the server's answers cannot be read")
            self._stream.cancel()
        self.is_open = False
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(ended)
        self._waiting.clear()

    def _settle(self, response: CarryResponse) -> None:
        for answer in response.answers:
            waiting = self._waiting.get(answer.number)
            if waiting is None:  # given up meanwhile
                continue
            if answer.has_more:
                waiting.parts.append(answer.response)
                continue
            del self._waiting[answer.number]
            if waiting.answer.done():
                continue
            if answer.code == 0:
                body = b"".join((*waiting.parts, answer.response)) if waiting.parts else answer.response
                waiting.answer.set_result((body, from_wire(answer.initial_metadata)))
            else:
                waiting.answer.set_exception(_failure_of(answer))
        if response.is_closing:
            self.is_open = False
        if not self.is_open and not self._waiting:
            self._wake_writer()


def failure(
    code: grpc.StatusCode, details: str, initial: Iterable[Metadatum] = (), trailing: Iterable[Metadatum] = ()
) -> grpc.aio.AioRpcError:
    """A failed call, as grpc raises it."""
    before, after = (grpc.aio.Metadata(*from_wire(each)) for each in (initial, trailing))
    return grpc.aio.AioRpcError(code, before, after, details=details)


def _unavailable(details: str) -> grpc.aio.AioRpcError:
    return failure(grpc.StatusCode.UNAVAILABLE, details)


def _failure_of(answer: CarriedAnswer) -> grpc.aio.AioRpcError:
    code = _CODES.get(answer.code, grpc.StatusCode.UNKNOWN)
    return failure(code, answer.message, answer.initial_metadata, answer.trailing_metadata)

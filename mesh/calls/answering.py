"""The server's end: each call that comes over a stream goes through the chain of its method, like any other call."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedAnswer, CarriedCall, CarryRequest, CarryResponse
from mesh.calls.carried_context import CallEnded, CarriedContext
from mesh.calls.wire import PART_BYTES, SERVICE, TAKEN
from mesh.interceptors.errors import Behaviour
from mesh.interceptors.incoming import Context

# Beyond that a stream is not read until some of its calls have ended.
MOST_CALLS_AT_ONCE = 1_000
# As for a call that comes alone (mesh.grpc_server); the library counts 32 bytes for an entry besides its text.
MOST_METADATA_BYTES = 8 * 1024
ENTRY_BYTES = 32
# Clients find new copies of a service when they open their streams anew.
STREAM_LIFE = timedelta(seconds=60)

logger = logging.getLogger(__name__)

DEADLINE_EXCEEDED: int = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
INTERNAL: int = grpc.StatusCode.INTERNAL.value[0]
RESOURCE_EXHAUSTED: int = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
UNIMPLEMENTED: int = grpc.StatusCode.UNIMPLEMENTED.value[0]


class CallStreams:
    """All streams of a server, and the handler that takes them. `behaviours` has the chain of each path."""

    def __init__(self, behaviours: Mapping[str, Behaviour], *, life: timedelta = STREAM_LIFE) -> None:
        self._behaviours = behaviours
        self._life = life
        self._open: set[_Stream] = set()
        self._is_closed = False

    def handler(self) -> grpc.GenericRpcHandler:
        """For the server."""
        method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(self._carry)
        return grpc.method_handlers_generic_handler(SERVICE, {"Carry": method})

    def send_away(self) -> None:
        """Ask the clients of the streams that are open now to end them, and to open others."""
        for stream in self._open:
            stream.close()

    def close(self) -> None:
        """The same, and from now on of every stream as soon as it is opened."""
        self._is_closed = True
        self.send_away()

    async def _carry(self, _: object, context: Context) -> None:
        # The client waits for it: then it knows that there are streams here. Nothing can be written meanwhile.
        await context.send_initial_metadata((TAKEN,))
        stream = _Stream(self._behaviours, context)
        self._open.add(stream)
        life = 0.0 if self._is_closed else self._life.total_seconds()
        lifetime = asyncio.get_running_loop().call_later(life, stream.close)
        try:
            await stream.run()
        finally:
            lifetime.cancel()
            self._open.discard(stream)


class _NotUnderstood(Exception):
    """The client sent what no client of ours sends."""


class _Stream:
    """Reads calls, runs each as a task, and writes what is ready, as much as there is at a time."""

    def __init__(self, behaviours: Mapping[str, Behaviour], context: Context) -> None:
        self._behaviours = behaviours
        self._context = context
        self._loop = asyncio.get_running_loop()
        # A call holds one until its answer is written, so that a client that does not read is not read either.
        self._slots = asyncio.Semaphore(MOST_CALLS_AT_ONCE)
        self._running: dict[int, asyncio.Task[CarriedAnswer]] = {}
        self._ready: deque[CarriedAnswer] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._is_closing = False
        self._has_told = False
        self._is_over = False

    async def run(self) -> None:
        """Until the client has ended the stream and has all answers. A stream that breaks takes its calls along."""
        try:
            while (message := await self._context.read()) is not grpc.aio.EOF:
                await self._take(message)
            if self._running:
                await asyncio.wait(self._running.values())
            if self._writer is not None:
                await self._writer
        except _NotUnderstood as reason:
            self._is_over = True
            if self._writer is not None:
                await self._writer
            await self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(reason))
        finally:
            self._is_over = True
            for task in self._running.values():
                task.cancel()
            if self._running:
                await asyncio.wait(self._running.values())

    def close(self) -> None:
        """Ask the client to end it."""
        self._is_closing = True
        self._wake_writer()

    async def _take(self, message: bytes) -> None:
        """Begin the calls and end the cancelled ones. Raises _NotUnderstood."""
        received = self._loop.time()
        try:
            request = CarryRequest.FromString(message)
        except DecodeError:
            raise _NotUnderstood("the message is no CarryRequest") from None
        for call in request.calls:
            if call.number in self._running:
                raise _NotUnderstood(f"call {call.number} is in progress")
            await self._slots.acquire()
            deadline = received + call.timeout_us / 1e6 if call.timeout_us else None
            task = self._loop.create_task(self._answer(call, CarriedContext(call, deadline=deadline)))
            timer = self._loop.call_at(deadline, task.cancel) if deadline is not None else None
            self._running[call.number] = task
            task.add_done_callback(partial(self._ended, call.number, timer))
        for number in request.cancelled_numbers:
            if number in self._running:
                self._running[number].cancel()

    async def _answer(self, call: CarriedCall, context: CarriedContext) -> CarriedAnswer:
        behaviour = self._behaviours.get(call.path)
        if behaviour is None:
            return CarriedAnswer(code=UNIMPLEMENTED, message="Method not found!")
        if sum(len(each.key) + len(each.value) + ENTRY_BYTES for each in call.metadata) > MOST_METADATA_BYTES:
            return CarriedAnswer(code=RESOURCE_EXHAUSTED, message=f"metadata takes {MOST_METADATA_BYTES} bytes at most")
        try:
            response = await behaviour(call.request, context)
        except CallEnded as ended:
            return ended.answer
        return CarriedAnswer(response=response, initial_metadata=context.initial_metadata)

    def _ended(self, number: int, timer: asyncio.TimerHandle | None, task: asyncio.Task[CarriedAnswer]) -> None:
        """Send the answer of a task, also of one that was cancelled before its first step."""
        del self._running[number]
        if timer is not None:
            timer.cancel()
        if task.cancelled():
            # By the client or its deadline. If it still listens, this is what it hears from any server.
            answer = CarriedAnswer(code=DEADLINE_EXCEEDED)
        elif (error := task.exception()) is not None:
            logger.error("a call failed outside of its chain", exc_info=error)
            answer = CarriedAnswer(code=INTERNAL, message="internal")
        else:
            answer = task.result()
        answer.number = number
        self._ready.append(answer)
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writer is None and not self._is_over:
            self._writer = self._loop.create_task(self._write())

    async def _write(self) -> None:
        """Begins after whatever else becomes ready in this turn of the loop."""
        try:
            while not self._is_over and (self._ready or (self._is_closing and not self._has_told)):
                message = CarryResponse(is_closing=self._is_closing)
                self._has_told = self._is_closing
                ended = self._fill(message)
                await self._context.write(message.SerializeToString())
                for _ in range(ended):
                    self._slots.release()
        except grpc.aio.BaseError:  # the stream broke; reading tells
            self._is_over = True
        finally:
            self._writer = None

    def _fill(self, message: CarryResponse) -> int:
        """Move answers into it, of large ones the next part; how many of them are whole now."""
        size, whole = 0, 0
        while self._ready and size < PART_BYTES:
            answer = self._ready.popleft()
            if len(answer.response) > PART_BYTES:
                part = CarriedAnswer(number=answer.number, response=answer.response[:PART_BYTES], has_more=True)
                answer.response = answer.response[PART_BYTES:]
                self._ready.append(answer)  # behind the others
                answer = part
            else:
                whole += 1
            size += answer.ByteSize()
            message.answers.append(answer)
        return whole

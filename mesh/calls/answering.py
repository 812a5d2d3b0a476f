"""The server's end: each call that comes over a stream goes through the chain of its method, like any other call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedAnswer, CarriedCall, CarryRequest, CarryResponse
from mesh.calls.carried_context import CallEnded, CarriedContext
from mesh.calls.wire import PART_BYTES, SERVICE
from mesh.interceptors.errors import Behaviour
from mesh.interceptors.incoming import Context

# Beyond that a stream is not read until some of its calls have ended.
MOST_CALLS_AT_ONCE = 1_000
# As for a call that comes alone (mesh.grpc_server); the library counts 32 bytes for an entry besides its text.
MOST_METADATA_BYTES = 8 * 1024
ENTRY_BYTES = 32
# Clients find new copies of a service when they open their streams anew.
STREAM_LIFE = timedelta(seconds=60)

OK: int = grpc.StatusCode.OK.value[0]
DEADLINE_EXCEEDED: int = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
RESOURCE_EXHAUSTED: int = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
UNIMPLEMENTED: int = grpc.StatusCode.UNIMPLEMENTED.value[0]


class CallStreams:
    """All streams of a server, and the handler that takes them. `behaviours` has the chain of each path."""

    def __init__(self, behaviours: Mapping[str, Behaviour]) -> None:
        self._behaviours = behaviours
        self._open: set[_Stream] = set()

    def handler(self) -> grpc.GenericRpcHandler:
        """For the server."""
        method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(self._carry)
        return grpc.method_handlers_generic_handler(SERVICE, {"Carry": method})

    def close(self) -> None:
        """Ask the clients of the streams that are open now to end them, and to open others."""
        for stream in self._open:
            stream.close()

    async def _carry(self, _: object, context: Context) -> None:
        stream = _Stream(self._behaviours, context)
        self._open.add(stream)
        lifetime = asyncio.get_running_loop().call_later(STREAM_LIFE.total_seconds(), stream.close)
        try:
            await stream.run()
        finally:
            lifetime.cancel()
            self._open.discard(stream)


class _Stream:
    """Reads calls, runs each as a task, and writes what is ready, as much as there is at a time."""

    def __init__(self, behaviours: Mapping[str, Behaviour], context: Context) -> None:
        self._behaviours = behaviours
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._ready: list[CarriedAnswer] = []
        self._writer: asyncio.Task[None] | None = None
        self._is_closing = False
        self._has_told = False
        self._is_over = False

    async def run(self) -> None:
        """Until the client has ended the stream and has all answers. A stream that breaks takes its calls along."""
        try:
            while (message := await self._context.read()) is not grpc.aio.EOF:
                await self._take(message)
                while len(self._running) >= MOST_CALLS_AT_ONCE:
                    await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)
            if self._running:
                await asyncio.wait(self._running.values())
            if self._writer is not None:
                await self._writer
        finally:
            self._is_over = True
            for task in self._running.values():
                task.cancel()

    def close(self) -> None:
        """Ask the client to end it."""
        self._is_closing = True
        self._wake_writer()

    async def _take(self, message: bytes) -> None:
        try:
            request = CarryRequest.FromString(message)
        except DecodeError:
            await self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the message is no CarryRequest")
            raise
        for call in request.calls:
            if call.number in self._running:
                await self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"call {call.number} is in progress")
            task = self._running[call.number] = self._loop.create_task(self._run(call))
            task.add_done_callback(partial(self._forget, call.number))
        for number in request.cancelled_numbers:
            if number in self._running:
                self._running[number].cancel()

    async def _run(self, call: CarriedCall) -> None:
        task = self._running[call.number]
        deadline = self._loop.time() + call.timeout_us / 1e6 if call.timeout_us else None
        timer = self._loop.call_at(deadline, task.cancel) if deadline is not None else None
        try:
            await self._answer(call, CarriedContext(call, deadline=deadline))
        except asyncio.CancelledError:
            # By the client or its deadline. If it still listens, this is what it hears from any server.
            self._send(CarriedAnswer(number=call.number, code=DEADLINE_EXCEEDED))
        finally:
            if timer is not None:
                timer.cancel()

    def _forget(self, number: int, _: object) -> None:
        # Also of a task that was cancelled before its first step, which runs none of its own lines.
        del self._running[number]

    async def _answer(self, call: CarriedCall, context: CarriedContext) -> None:
        behaviour = self._behaviours.get(call.path)
        if behaviour is None:
            self._send(CarriedAnswer(number=call.number, code=UNIMPLEMENTED, message="there is no such method here"))
            return
        if sum(len(each.key) + len(each.value) + ENTRY_BYTES for each in call.metadata) > MOST_METADATA_BYTES:
            message = f"metadata takes {MOST_METADATA_BYTES} bytes at most"
            self._send(CarriedAnswer(number=call.number, code=RESOURCE_EXHAUSTED, message=message))
            return
        try:
            response = await behaviour(call.request, context)
        except CallEnded as ended:
            self._send(ended.answer)
            return
        while len(response) > PART_BYTES:
            self._send(CarriedAnswer(number=call.number, response=response[:PART_BYTES], has_more=True))
            response = response[PART_BYTES:]
        self._send(
            CarriedAnswer(number=call.number, code=OK, response=response, initial_metadata=context.initial_metadata)
        )

    def _send(self, answer: CarriedAnswer) -> None:
        self._ready.append(answer)
        self._wake_writer()

    def _wake_writer(self) -> None:
        if self._writer is None and not self._is_over:
            self._writer = self._loop.create_task(self._write())

    async def _write(self) -> None:
        """Begins after whatever else becomes ready in this turn of the loop."""
        try:
            while self._ready or (self._is_closing and not self._has_told):
                message = CarryResponse(is_closing=self._is_closing)
                self._has_told = self._is_closing
                size, count = 0, 0
                while count < len(self._ready) and size < PART_BYTES:
                    size += len(self._ready[count].response)
                    count += 1
                message.answers.extend(self._ready[:count])
                del self._ready[:count]
                await self._context.write(message.SerializeToString())
        except grpc.aio.BaseError:  # the stream broke; reading tells
            self._is_over = True
        finally:
            self._writer = None

"""A bare server whose calls come over streams, what calls it, and what both must leave behind: nothing.

Run as `python -m tests.support.call_streams PORT` it is a process that answers ECHO, and WAIT never.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedAnswer, CarriedCall, CarryRequest, CarryResponse
from mesh.calls.answering import STREAM_LIFE, CallStreams
from mesh.calls.target import CallTarget
from mesh.calls.wire import PATH, SERVICE, TAKEN
from mesh.interceptors.errors import Behaviour
from mesh.interceptors.incoming import CallContext, Context
from tests.support.wait_until import wait_until

ROOT = Path(__file__).parents[2]
ECHO = "/test.Scripted/Echo"
WAIT = "/test.Scripted/Wait"


async def echo(request: bytes, _: CallContext) -> bytes:
    return request


class Waiting:
    """A behaviour that answers "done" once it is let go, and knows how its calls are doing."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.may_go = asyncio.Event()

    async def answer(self, _: bytes, __: CallContext) -> bytes:
        self.begun += 1
        try:
            await self.may_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b"done"


@dataclass(frozen=True)
class StreamServer:
    """One that runs."""

    server: grpc.aio.Server
    streams: CallStreams
    target: str


@asynccontextmanager
async def stream_server(
    behaviours: Mapping[str, Behaviour], *, life: timedelta = STREAM_LIFE, port: int = 0
) -> AsyncIterator[StreamServer]:
    """Takes streams, and nothing else."""
    streams = CallStreams(behaviours, life=life)
    async with _running(streams.handler(), port) as (server, target):
        yield StreamServer(server, streams, target)
        streams.close()
        await server.stop(5)
        assert streams._open == set()


@asynccontextmanager
async def plain_server(behaviours: Mapping[str, Behaviour]) -> AsyncIterator[str]:
    """One that knows of no streams; its target."""
    _, service, _ = ECHO.split("/")
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        path.split("/")[2]: grpc.unary_unary_rpc_method_handler(each) for path, each in behaviours.items()
    }
    async with _running(grpc.method_handlers_generic_handler(service, methods), 0) as (_, target):
        yield target


class RecordingServer:
    """Keeps the messages of its streams, and answers every call with `reply`, or with bytes that mean nothing.

    One that `is_silent` takes the stream without saying that it knows what it is.
    """

    def __init__(self, reply: bytes | None = b"", *, is_silent: bool = False) -> None:
        self.messages: list[CarryRequest] = []
        self._reply = reply
        self._says = () if is_silent else (TAKEN,)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(self._carry)
        async with _running(grpc.method_handlers_generic_handler(SERVICE, {"Carry": method}), 0) as (_, target):
            yield target

    async def _carry(self, _: object, context: Context) -> None:
        await context.send_initial_metadata(self._says)
        while (body := await context.read()) is not grpc.aio.EOF:
            message = CarryRequest.FromString(body)
            self.messages.append(message)
            answers = [CarriedAnswer(number=call.number, response=self._reply or b"") for call in message.calls]
            answer = CarryResponse(answers=answers).SerializeToString()
            await context.write(answer if self._reply is not None else b"\xff")


class RawStream:
    """The client's end without a client: what a peer could send."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        carry: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(PATH)
        self.stream = carry()
        self.received: list[CarryResponse] = []

    async def send(self, calls: Iterable[CarriedCall] = (), cancelled: Iterable[int] = ()) -> None:
        await self.stream.write(CarryRequest(calls=calls, cancelled_numbers=cancelled).SerializeToString())

    async def read(self, count: int) -> dict[int, CarriedAnswer]:
        """The next answers by number, once that many are whole."""
        whole: dict[int, CarriedAnswer] = {}
        while len(whole) < count:
            message = await self.message()
            whole.update({each.number: each for each in message.answers if not each.has_more})
        return whole

    async def message(self) -> CarryResponse:
        """The next one, whatever is in it."""
        body = await self.stream.read()
        assert isinstance(body, bytes), "the stream ended"
        self.received.append(CarryResponse.FromString(body))
        return self.received[-1]

    async def ends(self) -> tuple[grpc.StatusCode, str]:
        """How the server ends it, after whatever else it sends."""
        async with asyncio.timeout(5):
            with suppress(grpc.aio.AioRpcError):
                while isinstance(await self.stream.read(), bytes):
                    pass
            return await self.stream.code(), await self.stream.details()


@asynccontextmanager
async def raw_stream(target: str) -> AsyncIterator[RawStream]:
    async with grpc.aio.insecure_channel(target) as channel:
        stream = RawStream(channel)
        try:
            yield stream
        finally:
            stream.stream.cancel()


@asynccontextmanager
async def calls_to(target: str, *, one_by_one_for: timedelta = timedelta(minutes=1)) -> AsyncIterator[CallTarget]:
    """What a client has, closed at the end."""
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        calls = CallTarget(channel, target, one_by_one_for=one_by_one_for)
        try:
            yield calls
        finally:
            await calls.close()


@asynccontextmanager
async def a_process(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with ECHO and WAIT, killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.call_streams", str(port)),
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"},
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fails when the block leaves tasks, or exceptions that nobody asked for."""
    loop = asyncio.get_running_loop()
    complaints: list[Any] = []
    before = asyncio.all_tasks()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    try:
        yield
        await wait_until(lambda: asyncio.all_tasks() <= before)
        gc.collect()
        assert complaints == []
    finally:
        loop.set_exception_handler(None)


@asynccontextmanager
async def _running(handler: grpc.GenericRpcHandler, port: int) -> AsyncIterator[tuple[grpc.aio.Server, str]]:
    options = [("grpc.max_receive_message_length", 1024 * 1024), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield server, f"ipv4:127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def _serve(port: int) -> None:
    async with stream_server({ECHO: echo, WAIT: Waiting().answer}, port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

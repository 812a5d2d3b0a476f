"""Streams that end, by kill, by drain, by age or by us: what happens to their calls and to those after them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc

from aviary.user.v1.user_service_pb2 import GetUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.clock import SystemClock
from mesh.errors import MeshError
from mesh.grpc_client import open_channels
from mesh.grpc_server import RunningServer, serve
from mesh.metrics import Metrics
from mesh.tokens import ServiceTokens, TokenVerifier
from tests.support.call_streams import (
    ECHO,
    WAIT,
    RecordingServer,
    Waiting,
    a_process,
    calls_to,
    nothing_left,
    stream_server,
)
from tests.support.free_ports import free_row
from tests.support.keys import write_keys
from tests.support.running import a_mesh_config
from tests.support.scripted_users import a_service, answer_empty
from tests.support.wait_until import wait_until

LINGER = timedelta(seconds=0.3)


async def end_of(call: Awaitable[Any]) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def test_a_killed_server_ends_its_calls_unavailable_at_once_and_answers_when_it_is_back() -> None:
    port = free_row(1)
    async with calls_to(f"ipv4:127.0.0.1:{port}") as calls:

        async def answers() -> bool:
            return await end_of(calls.call(ECHO, b"", seconds=5, metadata=())) == "OK"

        async with a_process(port) as process:
            await wait_until(answers, at_most=30)
            async with nothing_left(), asyncio.TaskGroup() as group:
                waiting = [group.create_task(end_of(calls.call(WAIT, b"", seconds=60, metadata=()))) for _ in range(50)]
                # It is killed while much is being written, too.
                writing = [
                    group.create_task(end_of(calls.call(ECHO, bytes(60_000), seconds=60, metadata=())))
                    for _ in range(200)
                ]
                await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
                killed = asyncio.get_running_loop().time()
                process.kill()
                await asyncio.wait(waiting + writing)
                assert asyncio.get_running_loop().time() - killed < 5
            assert {task.result() for task in waiting} == {"UNAVAILABLE"}
            assert {task.result() for task in writing} <= {"UNAVAILABLE", "OK"}
        async with a_process(port):
            await wait_until(answers, at_most=30)


async def test_calls_in_progress_end_unavailable_when_the_client_closes_and_are_not_repeated() -> None:
    waiting = Waiting()
    async with nothing_left(), stream_server({WAIT: waiting.answer}) as server:
        async with calls_to(server.target) as calls, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(end_of(calls.call(WAIT, b"", seconds=60, metadata=(), may_repeat=True)))
                for _ in range(20)
            ]
            await wait_until(lambda: waiting.begun == 20)
            await calls.close()
            await asyncio.wait(tasks)
            assert {task.result() for task in tasks} == {"UNAVAILABLE"}
            assert await end_of(calls.call(WAIT, b"", seconds=60, metadata=())) == "UNAVAILABLE"
        await wait_until(lambda: waiting.cancelled == 20)
    assert waiting.begun == 20


async def test_a_client_that_closes_before_it_is_connected_leaves_nothing() -> None:
    async with nothing_left(), asyncio.TaskGroup() as group:
        async with calls_to("ipv4:127.0.0.1:1") as calls:
            call = group.create_task(end_of(calls.call(ECHO, b"", seconds=60, metadata=())))
            await asyncio.sleep(0)
        assert await call == "UNAVAILABLE"


async def test_answers_that_cannot_be_read_end_their_calls_and_none_is_made_twice() -> None:
    recording = RecordingServer(reply=None)
    async with nothing_left(), recording.running() as target, calls_to(target) as calls:
        assert await end_of(calls.call(ECHO, b"", seconds=5, metadata=())) == "UNAVAILABLE"
        assert calls._unary == {}
    assert [len(message.calls) for message in recording.messages] == [1]


class Load:
    """Calls without a pause until it is told to stop."""

    def __init__(self, call: Callable[[], Awaitable[str]], group: asyncio.TaskGroup) -> None:
        self.ends: list[str] = []
        self._call = call
        self._must_end = False
        self.tasks = [group.create_task(self._run()) for _ in range(8)]

    async def goes_on(self, calls: int = 50) -> None:
        enough = len(self.ends) + calls
        await wait_until(lambda: len(self.ends) >= enough)

    async def _run(self) -> None:
        while not self._must_end:
            self.ends.append(await self._call())

    def end(self) -> None:
        self._must_end = True


async def test_streams_are_replaced_under_load_without_a_failure() -> None:
    seen = set()

    async def slowly(request: bytes, _: object) -> bytes:
        seen.update(server.streams._open)
        await asyncio.sleep(0.01)
        return request

    async with (
        nothing_left(),
        stream_server({ECHO: slowly}, life=timedelta(seconds=0.05)) as server,
        calls_to(server.target) as calls,
        asyncio.TaskGroup() as group,
    ):
        load = Load(lambda: end_of(calls.call(ECHO, b"x", seconds=5, metadata=())), group)
        await wait_until(lambda: len(seen) >= 10)
        load.end()
        await asyncio.wait(load.tasks)
        assert set(load.ends) == {"OK"}
        assert len(server.streams._open) <= 2, "those of before are still there"


@asynccontextmanager
async def users(folder: Path, answer: Any, linger: timedelta = LINGER) -> AsyncIterator[RunningServer]:
    """A server of the users that says SERVING."""
    jwks_file, _ = write_keys(folder)
    service = a_service(answer)
    verifier = TokenVerifier(jwks_file, SystemClock())
    async with serve(
        service.served, listen="127.0.0.1:0", verifier=verifier, clock=SystemClock(), metrics=Metrics(), linger=linger
    ) as server:
        server.health.tell(is_serving=True)
        yield server


@asynccontextmanager
async def get_user(folder: Path, servers: Sequence[RunningServer]) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """A call as services make it, to any of the servers."""
    target = "ipv4:" + ",".join(f"127.0.0.1:{server.port}" for server in servers)
    config = a_mesh_config(folder, user_target=target)
    tokens = ServiceTokens("tweet_svc", config.service_key_file, SystemClock())
    async with open_channels(config, service="tweet_svc", tokens=tokens) as channels:
        stub = UserServiceStub(channels.to("user"))

        async def call() -> str:
            try:
                await stub.GetUser(GetUserRequest(user_id=1), timeout=5)
            except MeshError as error:
                return error.code
            return "OK"

        yield call


class Counted:
    """Takes a while, and knows how many calls it had."""

    def __init__(self) -> None:
        self.calls = 0

    async def answer(self, request: Any) -> Any:
        self.calls += 1
        await asyncio.sleep(0.02)
        return await answer_empty(request)


async def test_no_call_fails_while_one_of_two_servers_drains(tmp_path: Path) -> None:
    handlers = [Counted(), Counted()]
    async with nothing_left(), AsyncExitStack() as stack:
        stacks = [await stack.enter_async_context(AsyncExitStack()) for _ in handlers]
        servers = [
            await each.enter_async_context(users(tmp_path, handler.answer))
            for each, handler in zip(stacks, handlers, strict=True)
        ]
        async with get_user(tmp_path, servers) as call, asyncio.TaskGroup() as group:
            load = Load(call, group)
            await load.goes_on()
            busy = handlers.index(max(handlers, key=lambda each: each.calls))
            began = asyncio.get_running_loop().time()
            await stacks[busy].aclose()
            assert asyncio.get_running_loop().time() - began < 3, "a drain does not wait for its end"
            await load.goes_on()
            load.end()
            await asyncio.wait(load.tasks)
            assert set(load.ends) == {"OK"}


async def test_calls_in_progress_are_answered_when_the_only_server_drains(tmp_path: Path) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def answer(request: Any) -> Any:
        begun.set()
        await may_end.wait()
        return await answer_empty(request)

    async with nothing_left(), AsyncExitStack() as stack:
        server = await stack.enter_async_context(users(tmp_path, answer, timedelta()))
        async with get_user(tmp_path, [server]) as call, asyncio.TaskGroup() as group:
            calls = asyncio.gather(*(call() for _ in range(10)))
            await begun.wait()
            draining = group.create_task(stack.aclose())
            await wait_until(lambda: not _takes_connections(server.port))
            assert not draining.done()
            may_end.set()
            assert await calls == ["OK"] * 10
            await draining


def _takes_connections(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


async def test_not_serving_moves_the_streams_away_and_back_later(tmp_path: Path) -> None:
    handlers = [Counted(), Counted()]
    async with (
        nothing_left(),
        users(tmp_path, handlers[0].answer) as first,
        users(tmp_path, handlers[1].answer) as second,
        get_user(tmp_path, [first, second]) as call,
        asyncio.TaskGroup() as group,
    ):
        load = Load(call, group)
        await load.goes_on()
        for leaving, handler in (first, handlers[0]), (second, handlers[1]):
            leaving.health.tell(is_serving=False)

            async def is_left_alone(handler: Counted = handler) -> bool:
                before = handler.calls
                await load.goes_on(100)
                return handler.calls == before

            await wait_until(is_left_alone)
            leaving.health.tell(is_serving=True)
        load.end()
        await asyncio.wait(load.tasks)
        assert set(load.ends) == {"OK"}

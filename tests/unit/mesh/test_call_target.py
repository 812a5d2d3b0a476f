"""Which way a call goes, and when it is repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest

from mesh.calls.target import MOST_CARRIED_BYTES, CallTarget, RetryBudget
from mesh.interceptors.incoming import CallContext
from tests.support.call_streams import ECHO, RecordingServer, calls_to, echo, nothing_left, plain_server, stream_server
from tests.support.running import running
from tests.support.scripted_users import a_service
from tests.support.wait_until import wait_until

Behaviour = Callable[[bytes, CallContext], Awaitable[bytes]]


async def failed(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


class Failing:
    """Ends the first `failures` calls with a code, answers the others, and keeps when each came."""

    def __init__(
        self, failures: int, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE, *, pushback: str | None = None
    ) -> None:
        self.failures = failures
        self.code = code
        self.trailing = () if pushback is None else (("grpc-retry-pushback-ms", pushback),)
        self.came: list[float] = []
        self.remaining: list[float] = []

    async def answer(self, request: bytes, context: CallContext) -> bytes:
        self.came.append(asyncio.get_running_loop().time())
        self.remaining.append(context.time_remaining() or 0.0)
        if len(self.came) <= self.failures:
            await context.abort(self.code, "not now", self.trailing)
        return request


async def repeated(failing: Failing, *, seconds: float = 5.0, may_repeat: bool = True) -> Any:
    """What comes out of a call."""
    async with nothing_left(), stream_server({ECHO: failing.answer}) as server, calls_to(server.target) as calls:
        try:
            return await calls.call(ECHO, b"x", seconds=seconds, metadata=(), may_repeat=may_repeat)
        except grpc.aio.AioRpcError as error:
            return error


async def test_a_server_without_streams_is_called_one_by_one_and_asked_again_later() -> None:
    async with (
        nothing_left(),
        plain_server({ECHO: echo}) as target,
        calls_to(target, one_by_one_for=timedelta(seconds=0.2)) as calls,
    ):
        answers = await asyncio.gather(*(calls.call(ECHO, str(n).encode(), seconds=5, metadata=()) for n in range(50)))
        assert [body for body, _ in answers] == [str(n).encode() for n in range(50)]
        first = calls._streams[0]
        assert first is not None
        await calls.call(ECHO, b"x", seconds=5, metadata=())
        assert calls._streams == [first], "asked again at once"

        async def has_asked_again() -> bool:
            assert (await calls.call(ECHO, b"x", seconds=5, metadata=()))[0] == b"x"
            return calls._streams != [first]

        await wait_until(has_asked_again)


async def test_a_burst_that_meets_a_server_without_streams_loses_no_call() -> None:
    """Writes that fail while the refusal is on its way must not hide it."""
    async with nothing_left(), plain_server({ECHO: echo}) as target:
        for _ in range(30):
            async with calls_to(target) as calls:

                async def later(turns: int, calls: CallTarget = calls) -> bytes:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    return (await calls.call(ECHO, bytes(20_000), seconds=5, metadata=()))[0]

                assert len(await asyncio.gather(*(later(turns) for turns in range(20)))) == 20


async def test_a_stream_whose_server_does_not_say_that_it_knows_it_is_left_and_nothing_is_written_to_it() -> None:
    recording = RecordingServer(is_silent=True)
    async with nothing_left(), recording.running() as target, calls_to(target) as calls:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await calls.call(ECHO, b"", seconds=5, metadata=())
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED  # as the method answers, called alone
    assert recording.messages == []


async def test_a_server_that_takes_streams_since_is_given_them() -> None:
    async with nothing_left(), running(a_service()) as server, calls_to(server.target) as calls:
        calls._one_by_one_until = asyncio.get_running_loop().time() + 0.1
        path = "/aviary.user.v1.UserService/GetUser"

        async def goes_over_a_stream() -> bool:
            await calls.call(path, b"\x08\x01", seconds=5, metadata=())
            return bool(calls._open)

        assert not await goes_over_a_stream()
        await wait_until(goes_over_a_stream)


@pytest.mark.parametrize(("size", "goes_alone"), [(MOST_CARRIED_BYTES, False), (MOST_CARRIED_BYTES + 1, True)])
async def test_a_large_request_goes_alone(size: int, goes_alone: bool) -> None:
    path = "/aviary.user.v1.UserService/GetUser"
    async with nothing_left(), running(a_service()) as server, calls_to(server.target) as calls:
        # The field 15, which nobody knows, takes 4 bytes besides its bytes.
        length = size - 4
        request = b"\x7a" + bytes([length & 127 | 128, length >> 7 & 127 | 128, length >> 14]) + bytes(length)
        assert len(request) == size
        assert await calls.call(path, request, seconds=5, metadata=()) == (b"", ())
        assert (list(calls._unary), len(calls._open)) == (([path], 0) if goes_alone else ([], 1))


@pytest.mark.parametrize(
    ("target", "streams"),
    [("ipv4:10.0.0.1:1", 1), ("ipv4:10.0.0.1:1,10.0.0.2:1", 2), ("ipv6:[::1]:1,[::2]:1,[::3]:1", 3), ("dns:///x:1", 4)],
)
async def test_there_is_a_stream_for_each_address(target: str, streams: int) -> None:
    async with calls_to(target) as calls:
        assert len(calls._streams) == streams


async def test_three_attempts_are_made_in_all() -> None:
    failing = Failing(9)
    assert (await repeated(failing)).details() == "not now"
    assert len(failing.came) == 3


async def test_a_repeat_that_succeeds_is_the_answer() -> None:
    failing = Failing(2)
    assert await repeated(failing) == (b"x", ())
    assert failing.remaining == sorted(failing.remaining, reverse=True), "a repeat has less time"


async def test_what_may_not_be_repeated_is_not() -> None:
    failing = Failing(1)
    assert (await repeated(failing, may_repeat=False)).details() == "not now"
    assert len(failing.came) == 1


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name not in {"OK", "UNAVAILABLE"}])
async def test_only_unavailable_is_repeated(code: grpc.StatusCode) -> None:
    failing = Failing(1, code)
    assert (await repeated(failing)).code() is code
    assert len(failing.came) == 1


async def test_the_servers_pause_is_kept() -> None:
    failing = Failing(1, pushback="150")
    assert await repeated(failing) == (b"x", ())
    assert failing.came[1] - failing.came[0] >= 0.15


@pytest.mark.parametrize("pushback", ["-1", "soon", "", "60000"])
async def test_a_server_that_wants_no_repeat_within_the_deadline_gets_none(pushback: str) -> None:
    failing = Failing(1, pushback=pushback)
    began = asyncio.get_running_loop().time()
    assert (await repeated(failing)).details() == "not now"
    assert len(failing.came) == 1
    assert asyncio.get_running_loop().time() - began < 2, "it fails at once"


async def test_a_repeated_call_ends_at_its_deadline() -> None:
    async def slow(request: bytes, context: CallContext) -> bytes:
        await asyncio.sleep(0.12)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now", ())

    async with nothing_left(), stream_server({ECHO: slow}) as server, calls_to(server.target) as calls:
        began = asyncio.get_running_loop().time()
        error = await failed(calls.call(ECHO, b"", seconds=0.2, metadata=(), may_repeat=True))
        took = asyncio.get_running_loop().time() - began
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert took == pytest.approx(0.2, abs=0.08)


async def test_after_many_failures_nothing_is_repeated_until_enough_has_succeeded() -> None:
    failing = Failing(10**6)
    async with nothing_left(), stream_server({ECHO: failing.answer}) as server, calls_to(server.target) as calls:

        async def attempts() -> int:
            before = len(failing.came)
            await failed(calls.call(ECHO, b"", seconds=5, metadata=(), may_repeat=True))
            return len(failing.came) - before

        assert await attempts() == 3
        for _ in range(50):
            await failed(calls.call(ECHO, b"", seconds=5, metadata=()))
        assert await attempts() == 1
        failing.failures = 0
        for _ in range(80):  # each is a tenth of a repeat
            await calls.call(ECHO, b"", seconds=5, metadata=())
        failing.failures = 10**6
        assert await attempts() == 3


def test_a_budget_holds_no_more_than_it_may() -> None:
    budget = RetryBudget()
    for _ in range(10_000):
        budget.succeeded()
    assert [budget.failed() for _ in range(51)] == [True] * 49 + [False] * 2
    for _ in range(1000):
        budget.failed()
    for _ in range(520):
        budget.succeeded()
    assert budget.failed()

"""The client's end: what goes out together, when a call ends, and that calls do not wait for each other."""

import asyncio
import socket
from collections.abc import Awaitable
from functools import partial
from typing import Any

import grpc
import pytest

from mesh.calls.answering import MOST_CALLS_AT_ONCE
from mesh.interceptors.incoming import CallContext
from tests.support.call_streams import (
    ECHO,
    WAIT,
    RecordingServer,
    Waiting,
    calls_to,
    echo,
    nothing_left,
    stream_server,
)
from tests.support.wait_until import wait_until

TOKEN = (("authorization", "Bearer " + "t" * 700),)


def started(call: Awaitable[Any]) -> asyncio.Future[Any]:
    return asyncio.gather(call)


async def code_of(call: Awaitable[Any]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code()


async def test_a_deadline_ends_the_call_and_its_handler() -> None:
    waiting = Waiting()
    async with nothing_left(), stream_server({WAIT: waiting.answer}) as server, calls_to(server.target) as calls:
        began = asyncio.get_running_loop().time()
        code = await code_of(calls.call(WAIT, b"", seconds=0.1, metadata=()))
        took = asyncio.get_running_loop().time() - began
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert took == pytest.approx(0.1, abs=0.09)
        await wait_until(lambda: waiting.cancelled == 1)


async def test_a_deadline_ends_the_call_when_the_server_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"ipv4:127.0.0.1:{silent.getsockname()[1]}"
        async with nothing_left(), calls_to(target) as calls:
            code = await code_of(calls.call(ECHO, b"", seconds=0.05, metadata=()))
            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
            (stream,) = calls._open
            assert (stream._waiting, stream._calls, stream._cancelled) == ({}, {}, [])


async def test_to_cancel_the_caller_cancels_the_handler() -> None:
    waiting = Waiting()
    async with nothing_left(), stream_server({WAIT: waiting.answer}) as server, calls_to(server.target) as calls:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(calls.call(WAIT, b"", seconds=30, metadata=())) for _ in range(3)]
            await wait_until(lambda: waiting.begun == 3)
            tasks[1].cancel()
            await wait_until(lambda: waiting.cancelled == 1)
            waiting.may_go.set()
        assert [task.cancelled() for task in tasks] == [False, True, False]
        assert tasks[0].result()[0] == tasks[2].result()[0] == b"done"


async def test_callers_can_still_be_cancelled_when_the_stream_is_sent_away() -> None:
    waiting = Waiting()

    def has_cancelled(count: int) -> bool:
        return waiting.cancelled == count

    async with nothing_left(), stream_server({WAIT: waiting.answer}) as server, calls_to(server.target) as calls:
        both = [started(calls.call(WAIT, b"", seconds=30, metadata=())) for _ in range(2)]
        await wait_until(lambda: waiting.begun == 2)
        (stream,) = calls._open
        server.streams.send_away()
        await wait_until(lambda: not stream.is_open)
        for count, call in enumerate(both, 1):
            call.cancel()
            await wait_until(partial(has_cancelled, count))
            with pytest.raises(asyncio.CancelledError):
                await call
        await wait_until(lambda: not server.streams._open)


async def test_a_call_given_up_before_it_was_sent_is_never_sent() -> None:
    recording = RecordingServer()
    async with nothing_left(), recording.running() as target, calls_to(target) as calls:
        given_up = started(calls.call(ECHO, b"given up", seconds=30, metadata=()))
        waited_for = started(calls.call(ECHO, b"waited for", seconds=30, metadata=()))
        await asyncio.sleep(0)  # both are on the stream, which is not open yet
        given_up.cancel()
        await waited_for
    assert [call.request for message in recording.messages for call in message.calls] == [b"waited for"]
    assert [list(message.cancelled_numbers) for message in recording.messages] == [[]]


async def test_calls_of_one_turn_go_out_in_one_message() -> None:
    recording = RecordingServer()
    async with nothing_left(), recording.running() as target, calls_to(target) as calls:
        await calls.call(ECHO, b"", seconds=30, metadata=())
        recording.messages.clear()
        await asyncio.gather(*(calls.call(ECHO, b"", seconds=30, metadata=()) for _ in range(100)))
    assert [len(message.calls) for message in recording.messages] == [100]


async def test_a_quick_call_does_not_wait_for_a_slow_one() -> None:
    waiting = Waiting()
    async with (
        nothing_left(),
        stream_server({ECHO: echo, WAIT: waiting.answer}) as server,
        calls_to(server.target) as calls,
    ):
        slow = started(calls.call(WAIT, b"", seconds=30, metadata=()))
        await wait_until(lambda: waiting.begun == 1)
        assert await calls.call(ECHO, b"quick", seconds=5, metadata=()) == (b"quick", ())
        assert len(calls._open) == 1
        assert not slow.done()
        waiting.may_go.set()
        assert await slow == [(b"done", ())]


async def test_two_thousand_calls_at_once_with_tokens_are_answered_each_its_own() -> None:
    async with nothing_left(), stream_server({ECHO: echo}) as server, calls_to(server.target) as calls:
        answers = await asyncio.gather(
            *(calls.call(ECHO, str(number).encode(), seconds=30, metadata=TOKEN) for number in range(2000))
        )
        assert len(calls._open) == 1
    assert [int(body) for body, _ in answers] == list(range(2000))


async def test_more_calls_than_a_server_runs_at_once_are_all_answered() -> None:
    waiting = Waiting()
    count = 2 * MOST_CALLS_AT_ONCE + 1
    async with nothing_left(), stream_server({WAIT: waiting.answer}) as server, calls_to(server.target) as calls:
        answers = started(asyncio.gather(*(calls.call(WAIT, b"", seconds=30, metadata=()) for _ in range(count))))
        await wait_until(lambda: waiting.begun == MOST_CALLS_AT_ONCE)
        waiting.may_go.set()
        assert len((await answers)[0]) == count
    assert waiting.begun == count


async def test_a_thousand_failures_with_long_details_at_once_are_told_one_by_one() -> None:
    waiting = Waiting()

    async def fail(request: bytes, context: CallContext) -> bytes:
        await waiting.answer(request, context)
        await context.abort(grpc.StatusCode.NOT_FOUND, "no", (("details-bin", bytes(6000)),))

    async with nothing_left(), stream_server({WAIT: fail}) as server, calls_to(server.target) as calls:
        failures = started(
            asyncio.gather(*(code_of(calls.call(WAIT, b"", seconds=30, metadata=())) for _ in range(1000)))
        )
        await wait_until(lambda: waiting.begun == 1000)
        waiting.may_go.set()
        assert set((await failures)[0]) == {grpc.StatusCode.NOT_FOUND}


async def test_many_large_requests_and_answers_come_through() -> None:
    body = bytes(range(256)) * 256
    async with nothing_left(), stream_server({ECHO: echo}) as server, calls_to(server.target) as calls:
        answers = await asyncio.gather(*(calls.call(ECHO, body, seconds=30, metadata=()) for _ in range(200)))
    assert {answer for answer, _ in answers} == {body}

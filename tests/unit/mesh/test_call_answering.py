"""The server's end of a stream, asked by a peer that sends what it likes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedCall
from mesh.calls.answering import MOST_CALLS_AT_ONCE
from mesh.interceptors.errors import Behaviour
from mesh.interceptors.incoming import CallContext
from tests.support.call_streams import (
    ECHO,
    WAIT,
    RawStream,
    StreamServer,
    Waiting,
    echo,
    nothing_left,
    raw_stream,
    stream_server,
)
from tests.support.wait_until import wait_until

OK = grpc.StatusCode.OK.value[0]
INTERNAL = grpc.StatusCode.INTERNAL.value[0]
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]


@asynccontextmanager
async def asked(waiting: Behaviour) -> AsyncIterator[tuple[RawStream, StreamServer]]:
    """A stream to a server with ECHO and WAIT; nothing may be left of both."""
    async with nothing_left(), stream_server({ECHO: echo, WAIT: waiting}) as server:
        async with raw_stream(server.target) as stream:
            yield stream, server
        await wait_until(lambda: not server.streams._open)


def calls(path: str, numbers: Iterable[int], *, timeout: float = 30.0, request: bytes = b"") -> list[CarriedCall]:
    return [CarriedCall(number=each, path=path, timeout_us=int(timeout * 1e6), request=request) for each in numbers]


async def settles(waiting: Waiting) -> int:
    """How many calls have begun once no more begin."""
    last, same = -1, 0

    def is_still() -> bool:
        nonlocal last, same
        same = same + 1 if waiting.begun == last else 0
        last = waiting.begun
        return same >= 40

    await wait_until(is_still)
    return waiting.begun


@pytest.mark.parametrize("count", [1, 2, 50])
async def test_what_is_no_message_ends_the_stream_and_its_calls(count: int, caplog: pytest.LogCaptureFixture) -> None:
    waiting = Waiting()
    async with asked(waiting.answer) as (stream, _):
        await stream.send(calls(WAIT, range(count)))
        await stream.send(calls(ECHO, range(100, 200), request=b"x" * 1000))  # so that it is writing as well
        await stream.stream.write(b"\xff\xff\xff")
        assert await stream.ends() == (grpc.StatusCode.INVALID_ARGUMENT, "the message is no CarryRequest")
        await wait_until(lambda: waiting.cancelled == waiting.begun == count)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_number_in_progress_cannot_be_used_again() -> None:
    waiting = Waiting()
    async with asked(waiting.answer) as (stream, _):
        await stream.send(calls(WAIT, [7]))
        await stream.send(calls(ECHO, [7]))
        assert await stream.ends() == (grpc.StatusCode.INVALID_ARGUMENT, "call 7 is in progress")
        await wait_until(lambda: waiting.cancelled == 1)


async def test_a_number_twice_in_one_message_ends_the_stream() -> None:
    async with asked(Waiting().answer) as (stream, _):
        await stream.send(calls(WAIT, [1, 2, 1]))
        assert await stream.ends() == (grpc.StatusCode.INVALID_ARGUMENT, "call 1 is in progress")


async def test_to_cancel_what_is_not_there_does_nothing() -> None:
    async with asked(Waiting().answer) as (stream, _):
        await stream.send(cancelled=[1, 2, 3, 2**32 - 1])
        await stream.send(calls(ECHO, [5], request=b"x"), cancelled=[6])
        assert (await stream.read(1))[5].response == b"x"


async def test_calls_cancelled_in_the_message_they_began_in_never_run_and_hold_no_place() -> None:
    waiting = Waiting()
    async with asked(waiting.answer) as (stream, _):
        for first in range(0, 2 * MOST_CALLS_AT_ONCE, 100):
            numbers = range(first, first + 100)
            await stream.send(calls(WAIT, numbers), cancelled=numbers)
        await stream.send(calls(ECHO, [9999]))
        answers = await stream.read(2 * MOST_CALLS_AT_ONCE + 1)
    assert waiting.begun == 0
    assert (answers.pop(9999).code, {each.code for each in answers.values()}) == (OK, {DEADLINE_EXCEEDED})


async def test_no_deadline_is_no_deadline_and_another_one_ends_the_call() -> None:
    remaining: list[float | None] = []

    async def wait(_: bytes, context: CallContext) -> bytes:
        remaining.append(context.time_remaining())
        await asyncio.Event().wait()
        return b""

    async with asked(wait) as (stream, _):
        await stream.send([*calls(WAIT, [1], timeout=0), *calls(WAIT, [2], timeout=0.05)])
        answers = await stream.read(1)
        assert remaining[0] is None
        assert remaining[1] == pytest.approx(0.05, abs=0.05)
        assert {number: each.code for number, each in answers.items()} == {2: DEADLINE_EXCEEDED}


async def test_a_call_that_does_not_end_when_it_is_cancelled_does_not_hurt_the_others() -> None:
    may_end = asyncio.Event()
    ignored = 0

    async def stubborn(_: bytes, __: CallContext) -> bytes:
        nonlocal ignored
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                ignored += 1
        return b"at last"

    async with asked(stubborn) as (stream, server):
        await stream.send(calls(WAIT, [1], timeout=0.01))
        await stream.send(calls(ECHO, [2]), cancelled=[1, 1])
        await stream.read(1)
        may_end.set()
        assert (await stream.read(1))[1].response == b"at last"
        may_end.clear()
        await stream.send(calls(WAIT, [3]))
        await stream.send(calls(ECHO, [4]))
        await stream.read(1)
        so_far = ignored
        stream.stream.cancel()
        await wait_until(lambda: ignored > so_far)
        assert server.streams._open, "a stream owns its calls until they have ended"
        may_end.set()


async def test_more_calls_than_may_run_at_once_wait_for_a_place() -> None:
    waiting = Waiting()
    async with asked(waiting.answer) as (stream, _):
        await stream.send(calls(WAIT, range(MOST_CALLS_AT_ONCE + 200)))
        assert await settles(waiting) == MOST_CALLS_AT_ONCE
        waiting.may_go.set()
        assert len(await stream.read(MOST_CALLS_AT_ONCE + 200)) == MOST_CALLS_AT_ONCE + 200


async def test_the_answers_that_a_client_does_not_read_are_bounded() -> None:
    waiting = Waiting()
    waiting.may_go.set()

    async def large(request: bytes, context: CallContext) -> bytes:
        return await waiting.answer(request, context) + bytes(4096)

    async with asked(large) as (stream, _):

        async def ask() -> None:
            for first in range(0, 5000, 50):
                await stream.send(calls(WAIT, range(first, first + 50)))

        asking = asyncio.get_running_loop().create_task(ask())
        # Besides those in its hands, the library takes what the client's window lets it send.
        assert MOST_CALLS_AT_ONCE <= await settles(waiting) < 3 * MOST_CALLS_AT_ONCE
        assert len(await stream.read(5000)) == 5000
        await asking


async def test_a_large_answer_lets_others_pass_between_its_parts() -> None:
    async with asked(echo) as (stream, _):
        requests = [CarriedCall(number=n, path=ECHO, request=b"x" * (400_000 if n == 1 else 3)) for n in (1, 2)]
        await stream.send(requests)
        await stream.read(2)
    assert [each.number for response in stream.received for each in response.answers] == [1, 2, 1]


async def test_answers_that_are_ready_in_one_turn_go_out_together() -> None:
    waiting = Waiting()
    async with asked(waiting.answer) as (stream, _):
        await stream.send(calls(WAIT, range(100)))
        await wait_until(lambda: waiting.begun == 100)
        waiting.may_go.set()
        await stream.read(100)
    assert len(stream.received) == 1


async def test_what_fails_outside_of_the_chain_is_internal_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: bytes, context: CallContext) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no latin text", (("x-name", "\u0416"),))

    async with asked(broken) as (stream, _):
        await stream.send(calls(WAIT, [1]))
        answer = (await stream.read(1))[1]
    assert (answer.code, answer.message) == (INTERNAL, "internal")
    (record,) = [record for record in caplog.records if record.name == "mesh.calls.answering"]
    assert record.exc_info


async def test_a_stream_that_is_opened_while_the_server_closes_is_sent_away_at_once() -> None:
    async with asked(Waiting().answer) as (stream, server):
        server.streams.close()
        await stream.send(calls(ECHO, [1]))
        await stream.read(1)
        while not stream.received[-1].is_closing:
            await stream.message()
        await stream.stream.done_writing()
        assert await stream.ends() == (grpc.StatusCode.OK, "")


async def test_a_stream_ends_after_its_life_when_its_calls_are_answered() -> None:
    waiting = Waiting()
    async with (
        nothing_left(),
        stream_server({WAIT: waiting.answer}, life=timedelta(milliseconds=50)) as server,
        raw_stream(server.target) as stream,
    ):
        await stream.send(calls(WAIT, [1]))
        message = await stream.message()
        assert (message.is_closing, len(message.answers)) == (True, 0)
        await stream.stream.done_writing()
        waiting.may_go.set()
        assert (await stream.read(1))[1].response == b"done"
        assert await stream.ends() == (grpc.StatusCode.OK, "")

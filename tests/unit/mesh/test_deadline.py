"""Every call ends: at its caller's deadline, at the method's, never begun when there is no time left."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import grpc
import pytest

from aviary.user.v1 import user_service_pb2
from aviary.user.v1.user_service_pb2 import GetUserRequest, GetUserResponse
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.caller import CURRENT_CALL
from mesh.errors import DeadlineExceeded
from mesh.interceptors.deadline import keep_deadline
from mesh.interceptors.incoming import Context, Incoming
from mesh.method import methods_of
from tests.support.running import failure, running
from tests.support.scripted_users import a_service

METHOD = replace(
    methods_of(user_service_pb2.DESCRIPTOR.services_by_name["UserService"])[0], default_timeout=2.0, max_timeout=10.0
)


class Remaining:
    """A context that knows how much time the caller gave."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds

    def time_remaining(self) -> float | None:
        return self._seconds


async def time_for_the_handler(given: float | None) -> float:
    """Seconds that the handler has when its caller gave `given`."""
    found = [0.0]

    async def handler(incoming: Incoming) -> bytes:
        found[0] = incoming.deadline - asyncio.get_running_loop().time()
        return b""

    await keep_deadline(handler, METHOD)(Incoming(b"", cast("Context", Remaining(given)), "r", []))
    return found[0]


@pytest.mark.parametrize(("given", "granted"), [(None, 2.0), (0.5, 0.5), (10.0, 10.0), (60.0, 10.0), (9.2e18, 10.0)])
async def test_a_call_has_its_callers_time_within_the_methods_bounds(given: float | None, granted: float) -> None:
    assert await time_for_the_handler(given) == pytest.approx(granted, abs=0.1)


@pytest.mark.parametrize("given", [0.0049, 0.0, -1.0])
async def test_what_cannot_finish_is_not_begun(given: float) -> None:
    async def handler(incoming: Incoming) -> bytes:
        raise AssertionError("begun")

    with pytest.raises(DeadlineExceeded):
        await keep_deadline(handler, METHOD)(Incoming(b"", cast("Context", Remaining(given)), "r", []))


async def test_a_call_without_a_deadline_ends_at_the_methods() -> None:
    short = replace(METHOD, default_timeout=0.05, max_timeout=0.05)

    async def handler(incoming: Incoming) -> bytes:
        await asyncio.Event().wait()
        return b""

    with pytest.raises(DeadlineExceeded):
        await keep_deadline(handler, short)(Incoming(b"", cast("Context", Remaining(None)), "r", []))


async def test_a_timeout_of_the_handlers_own_is_not_the_calls() -> None:
    async def handler(incoming: Incoming) -> bytes:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await keep_deadline(handler, METHOD)(Incoming(b"", cast("Context", Remaining(None)), "r", []))


async def test_a_handler_is_cancelled_at_the_deadline_that_the_client_sent() -> None:
    cancelled = asyncio.Event()

    async def answer(request: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with running(a_service(answer)) as service:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1), timeout=0.1)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        async with asyncio.timeout(5):
            await cancelled.wait()


async def test_a_client_without_a_deadline_is_answered_all_the_same() -> None:
    async def answer(request: Any) -> Any:
        await asyncio.Event().wait()

    async with running(a_service(answer)) as service:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1))
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert failure(raised.value).reason == "DEADLINE_EXCEEDED"


async def test_a_client_that_hangs_up_cancels_its_handler() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(request: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with running(a_service(answer)) as service, asyncio.timeout(5):
        call = UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1))
        await begun.wait()
        call.cancel()
        await cancelled.wait()


async def test_the_call_in_progress_is_known_to_its_handler() -> None:
    async def answer(request: Any) -> Any:
        call = CURRENT_CALL.get()
        assert call is not None
        assert 0.0 < call.deadline - asyncio.get_running_loop().time() <= 1.05  # grpc rounds up what it sends
        assert call.request_id == "request-1"
        return GetUserResponse()

    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel())
        await stub.GetUser(GetUserRequest(user_id=1), timeout=1.0, metadata=(("x-request-id", "request-1"),))
    assert CURRENT_CALL.get() is None

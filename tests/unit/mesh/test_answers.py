"""What a client is told when a handler fails, and what it is never told (SEC41)."""

import asyncio
import logging
from statistics import median
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from aviary.user.v1.user_service_pb2 import GetUserRequest, GetUserResponse
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.errors import FieldViolation, InvalidArgument, NotFound, Unavailable
from tests.support.running import failure, running
from tests.support.scripted_users import a_service
from tests.support.wait_until import wait_until

REQUEST_ID = (("x-request-id", "request-1"),)
# So that the slow ones among them are too few to be the middle.
ROUNDS = 21


async def failing(error: BaseException) -> grpc.aio.AioRpcError:
    """How a call ends whose handler raises `error`."""

    async def answer(request: Any) -> Any:
        raise error

    async with running(a_service(answer)) as service:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1), metadata=REQUEST_ID, timeout=5)
        return raised.value


def request_id_of(error: grpc.aio.AioRpcError) -> str:
    """The request id in the details of a status."""
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    found = error_details_pb2.RequestInfo()
    assert [detail.Unpack(found) for detail in status.details].count(True) == 1
    return str(found.request_id)


async def test_our_failures_arrive_with_code_reason_fields_and_request_id() -> None:
    error = await failing(
        InvalidArgument("TWEET_TOO_LONG", "too long", violations=(FieldViolation("content", "ü"),), metadata={"l": "1"})
    )
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "too long")
    told = failure(error)
    assert (told.reason, told.violations, told.metadata) == (
        "TWEET_TOO_LONG",
        (FieldViolation("content", "ü"),),
        {"l": "1"},
    )
    assert request_id_of(error) == "request-1"


async def test_a_text_that_is_no_ascii_arrives() -> None:
    assert (await failing(NotFound("USER_NOT_FOUND", "kein Nutzer „ädä“"))).details() == "kein Nutzer „ädä“"


async def test_unavailable_says_when_to_come_back() -> None:
    error = await failing(Unavailable.backend("the store"))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert dict(error.trailing_metadata())["grpc-retry-pushback-ms"] == "1000"
    assert failure(error).retry_after is not None


async def test_a_defect_says_nothing_and_is_logged_with_its_request_id(caplog: pytest.LogCaptureFixture) -> None:
    error = await failing(RuntimeError("password=hunter2 in /srv/x.py"))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal")
    assert failure(error).reason == "INTERNAL"
    assert "hunter2" not in repr(error)
    (record,) = [record for record in caplog.records if record.name == "mesh.interceptors.errors"]
    assert record.exc_info is not None
    assert record.fields["request_id"] == "request-1"  # type: ignore[attr-defined] # our extra


async def test_a_cancellation_from_inside_answers_instead_of_hanging(caplog: pytest.LogCaptureFixture) -> None:
    error = await failing(asyncio.CancelledError())
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert failure(error).reason == "BACKEND_UNAVAILABLE"


async def test_work_that_several_calls_share_and_that_is_cancelled_answers_all_of_them() -> None:
    waiting = 0
    shared = asyncio.get_running_loop().create_future()

    async def answer(request: Any) -> Any:
        nonlocal waiting
        waiting += 1
        await asyncio.shield(shared)

    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel())
        calls = [stub.GetUser(GetUserRequest(user_id=1), timeout=30) for _ in range(3)]
        together = asyncio.gather(*calls, return_exceptions=True)
        await wait_until(lambda: waiting == len(calls))
        shared.cancel()
        # Long before their deadline.
        async with asyncio.timeout(5):
            failures = await together
    codes = [error.code() for error in failures if isinstance(error, grpc.aio.AioRpcError)]
    assert codes == [grpc.StatusCode.UNAVAILABLE] * len(calls)


@pytest.mark.parametrize("is_shared", [False, True])
async def test_what_is_cancelled_is_answered_within_a_tenth_of_a_second_more_than_what_fails(
    is_shared: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Calls of both kinds in turn, and the middle ones of many: a busy machine delays both alike."""
    caplog.set_level(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    is_cancelled, shared, began = False, loop.create_future(), 0.0

    async def answer(request: Any) -> Any:
        nonlocal began
        began = loop.time()
        if not is_cancelled:
            raise NotFound("USER_NOT_FOUND", "nobody")
        if not is_shared:
            raise asyncio.CancelledError
        loop.call_soon(shared.cancel)
        await asyncio.shield(shared)

    cancelled, failed = list[float](), list[float]()
    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel())
        for _ in range(ROUNDS):
            for took, expected in (
                (cancelled, grpc.StatusCode.UNAVAILABLE),
                (failed, grpc.StatusCode.NOT_FOUND),
            ):
                is_cancelled, shared = took is cancelled, loop.create_future()
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await stub.GetUser(GetUserRequest(user_id=1), timeout=30)
                took.append(loop.time() - began)
                assert raised.value.code() == expected
    assert median(cancelled) <= median(failed) + 0.1


async def test_no_answer_is_a_defect() -> None:
    async def answer(request: Any) -> Any:
        return None

    async with running(a_service(answer)) as service:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1))
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INTERNAL, "internal")


@pytest.mark.parametrize("sent", ["", "has a space", "x" * 129, "é"])
async def test_a_request_id_that_is_missing_or_odd_is_replaced(sent: str) -> None:
    async def answer(request: Any) -> Any:
        raise NotFound("USER_NOT_FOUND", "nobody")

    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel())
        metadata = (("x-request-id", sent),) if sent.isascii() and sent else ()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.GetUser(GetUserRequest(user_id=1), metadata=metadata)
    assert len(request_id_of(raised.value)) == 32


async def test_the_server_lives_on_after_failures(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    failures = iter([RuntimeError("x"), asyncio.CancelledError(), NotFound("USER_NOT_FOUND", "nobody")])

    async def answer(request: Any) -> Any:
        for each in failures:
            raise each
        return GetUserResponse()

    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel())
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.GetUser(GetUserRequest(user_id=1))
        assert await stub.GetUser(GetUserRequest(user_id=1)) == GetUserResponse()

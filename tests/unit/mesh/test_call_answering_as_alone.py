"""A call over a stream comes to what the same call comes to alone, and needs what it needs alone."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from aviary.mesh.internal.v1.call_stream_pb2 import CarriedCall
from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest
from aviary.user.v1 import user_service_pb2
from aviary.user.v1.user_service_pb2 import GetUserRequest, GetUserResponse, UpdateUserRequest
from mesh.caller import CURRENT_CALL
from mesh.calls.wire import PATH
from mesh.errors import FieldViolation, InvalidArgument, MeshError, NotFound, Unavailable
from mesh.process import Served, Service
from tests.support.call_streams import calls_to, nothing_left, raw_stream
from tests.support.keys import issue_service_token, issue_user_token
from tests.support.running import running
from tests.support.scripted_users import ScriptedUsers, a_service

USERS = "/aviary.user.v1.UserService"
GET = f"{USERS}/GetUser"
UPDATE = f"{USERS}/UpdateUser"
RESOLVE = "/aviary.user.internal.v1.UserInternalService/ResolveUsers"
REQUEST_ID = ("x-request-id", "request-1")
Metadata = tuple[tuple[str, str], ...]


class Replaying(ScriptedUsers):
    """Tells something before its response, or its failure."""

    async def GetUser(self, request: Any, context: Any) -> Any:
        await context.send_initial_metadata((("idempotency-replayed", "true"),))
        return await self.answer(request)


def a_replaying_service(answer: Any) -> Service:
    served = Served(user_service_pb2.DESCRIPTOR.services_by_name["UserService"], Replaying(answer))
    return dataclasses.replace(a_service(), served=[served])


async def outcome(call: Awaitable[tuple[bytes, Any]]) -> tuple[Any, ...]:
    """All that a caller can tell."""
    try:
        response, initial = await call
    except grpc.aio.AioRpcError as error:
        initial, trailing = error.initial_metadata(), error.trailing_metadata()
        return error.code(), error.details(), tuple(initial or ()), tuple(sorted(trailing or ()))
    return grpc.StatusCode.OK, response, tuple(initial), ()


async def both_ways(
    service: Service, path: str, request: bytes, metadata: Metadata = (REQUEST_ID,)
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What a call comes to alone, and over a stream."""

    async def alone(channel: grpc.aio.Channel) -> tuple[bytes, Any]:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        call = method(request, timeout=5, metadata=metadata)
        return await call, await call.initial_metadata()

    async with nothing_left(), running(service) as server, calls_to(server.target) as calls:
        over_a_stream = await outcome(calls.call(path, request, seconds=5, metadata=metadata))
        assert calls._unary == {}, "it went alone"
        async with grpc.aio.insecure_channel(server.target) as channel:
            return await outcome(alone(channel)), over_a_stream


async def a_user(_: Any) -> GetUserResponse:
    response = GetUserResponse()
    response.user.bio = "a" * 100
    return response


async def test_a_response_and_what_was_told_before_it() -> None:
    alone, carried = await both_ways(a_replaying_service(a_user), GET, GetUserRequest(user_id=1).SerializeToString())
    assert carried == alone
    assert carried[2] == (("idempotency-replayed", "true"),)


@pytest.mark.parametrize(
    "failure",
    [
        NotFound("USER_NOT_FOUND", "nobody", metadata={"user_id": "2"}),
        InvalidArgument("VALIDATION_FAILED", "x: y", violations=(FieldViolation("x", "y"),)),
        Unavailable.backend("the store"),
        MeshError("INTERNAL", "ä \U0001f426"),
        RuntimeError("secret"),
    ],
)
async def test_a_failure_with_its_details_and_its_request_id(failure: Exception) -> None:
    async def fail(_: Any) -> Any:
        raise failure

    request = GetUserRequest(user_id=1).SerializeToString()
    alone, carried = await both_ways(a_replaying_service(fail), GET, request)
    assert carried == alone
    assert carried[2] == (("idempotency-replayed", "true"),)
    assert b"request-1" in dict(carried[3])["grpc-status-details-bin"]
    assert b"secret" not in str(carried).encode()


@pytest.mark.parametrize(
    "path",
    [
        f"{USERS}/Fly",
        "/x",
        "",
        PATH,
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
async def test_nothing_but_the_methods_is_reached(path: str) -> None:
    async with nothing_left(), running(a_service()) as server, calls_to(server.target) as calls:
        code, details, *_ = await outcome(calls.call(path, b"", seconds=5, metadata=()))
    assert (code, details) == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


async def test_an_unknown_method() -> None:
    alone, carried = await both_ways(a_service(), f"{USERS}/Fly", b"")
    assert carried == alone


async def test_a_response_of_1_mib_less_its_frame() -> None:
    async def large(_: Any) -> Any:
        response = GetUserResponse()
        response.user.bio = "x" * (1024 * 1024 - 8)
        return response

    alone, carried = await both_ways(a_service(large), GET, GetUserRequest(user_id=1).SerializeToString())
    assert carried == alone
    assert len(carried[1]) == 1024 * 1024


@pytest.mark.parametrize("metadata", [(("x-a", "y" * 8300),), tuple((f"x-{n}", "y" * 1000) for n in range(9))])
async def test_metadata_over_8_kib(metadata: Metadata) -> None:
    alone, carried = await both_ways(a_service(), GET, b"", metadata)
    assert carried[0] is alone[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_metadata_of_7_kib() -> None:
    request = GetUserRequest(user_id=1).SerializeToString()
    alone, carried = await both_ways(a_service(), GET, request, (("x-a", "y" * 7000),))
    assert carried == alone
    assert carried[0] is grpc.StatusCode.OK


async def test_bytes_that_are_no_request() -> None:
    alone, carried = await both_ways(a_service(), GET, b"\xff\xff")
    assert carried == alone
    assert carried[0] is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("path", "issue", "code"),
    [
        (UPDATE, str, grpc.StatusCode.UNAUTHENTICATED),
        (UPDATE, lambda: "Bearer nonsense", grpc.StatusCode.UNAUTHENTICATED),
        (UPDATE, lambda: "Basic YTpi", grpc.StatusCode.UNAUTHENTICATED),
        (UPDATE, lambda: f"Bearer {issue_user_token(7, ['tweet:write'])}", grpc.StatusCode.PERMISSION_DENIED),
        (UPDATE, lambda: f"Bearer {issue_service_token('graph_svc')}", grpc.StatusCode.PERMISSION_DENIED),
        (RESOLVE, lambda: f"Bearer {issue_user_token(7)}", grpc.StatusCode.PERMISSION_DENIED),
    ],
)
async def test_every_call_is_checked_by_itself(path: str, issue: Callable[[], str], code: grpc.StatusCode) -> None:
    """Calls before it, on the same stream and with a token that is enough, do not help."""
    token = issue()
    answered: list[str] = []

    async def answer(request: Any) -> Any:
        call = CURRENT_CALL.get()
        assert call is not None
        answered.append(f"{call.caller.service}{call.caller.user_id}")
        return GetUserResponse()

    requests = {
        UPDATE: UpdateUserRequest(user=User(display_name="Ada")).SerializeToString(),
        RESOLVE: ResolveUsersRequest().SerializeToString(),
    }
    metadata = (REQUEST_ID, ("authorization", token)) if token else (REQUEST_ID,)
    alone, _ = await both_ways(a_service(answer), path, requests[path], metadata)
    async with nothing_left(), running(a_service(answer)) as server, calls_to(server.target) as calls:
        good = (("authorization", f"Bearer {issue_user_token(7)}"),)
        ours = (("authorization", f"Bearer {issue_service_token('graph_svc')}"),)
        outcomes = await asyncio.gather(
            outcome(calls.call(UPDATE, requests[UPDATE], seconds=5, metadata=good)),
            outcome(calls.call(RESOLVE, requests[RESOLVE], seconds=5, metadata=ours)),
            outcome(calls.call(path, requests[path], seconds=5, metadata=metadata)),
        )
    assert outcomes[2] == alone
    assert outcomes[2][0] is code
    assert sorted(answered) == ["7", "graph_svc0"]


async def test_a_call_without_a_deadline_ends_at_the_methods() -> None:
    """Over a stream that is what a timeout of zero means."""

    async def hang(_: Any) -> Any:
        await asyncio.Event().wait()

    request = GetUserRequest(user_id=1).SerializeToString()
    async with nothing_left(), running(a_service(hang)) as server, raw_stream(server.target) as stream:
        began = asyncio.get_running_loop().time()
        await stream.send([CarriedCall(number=1, path=GET, request=request)])
        answer = (await stream.read(1))[1]
        took = asyncio.get_running_loop().time() - began
    assert answer.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert took == pytest.approx(2.0, abs=0.5)

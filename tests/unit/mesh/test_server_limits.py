"""What the server takes, from whom, and that it refuses to start half (SEC35, SEC36, SEC38, SEC80-SEC82)."""

import dataclasses
from typing import Any

import grpc
import pytest

from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc
from aviary.user.v1.user_service_pb2 import GetUserByUsernameRequest, GetUserRequest, GetUserResponse, UpdateUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.caller import current_caller
from mesh.method import BrokenContract
from mesh.metrics import Metrics
from mesh.process import Served, Service
from tests.support.running import RunningService, failure, issue_service_token, issue_user_token, running
from tests.support.scripted_users import a_service, answer_empty

MIB = 1024 * 1024
UPDATE = UpdateUserRequest(user=User(display_name="Ada"))


async def ended(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


async def test_a_message_over_1_mib_is_refused() -> None:
    async with running(a_service()) as service:
        stub = UserServiceStub(service.channel())
        error = await ended(stub.GetUserByUsername(GetUserByUsernameRequest(username="x" * MIB)))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.GetUser(GetUserRequest(user_id=1))


async def test_an_answer_over_1_mib_is_a_defect_of_ours_and_logged_with_method_and_size(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bios = iter([MIB, MIB - 8])  # 8 more bytes are around it

    async def answer(request: Any) -> Any:
        response = GetUserResponse()
        response.user.bio = "x" * next(bios)
        return response

    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel())
        error = await ended(stub.GetUser(GetUserRequest(user_id=1)))
        await stub.GetUser(GetUserRequest(user_id=1))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal")
    assert failure(error).reason == "INTERNAL"
    (record,) = [record for record in caplog.records if record.exc_info]
    assert (record.name, record.levelname) == ("mesh.interceptors.errors", "ERROR")
    assert "/aviary.user.v1.UserService/GetUser: 1048584 bytes" in str(record.exc_info[1])  # type: ignore[index] # set


async def test_an_answer_over_1_mib_does_not_count_as_ok() -> None:
    async def answer(request: Any) -> Any:
        response = GetUserResponse()
        response.user.bio = "x" * MIB
        return response

    metrics = Metrics()
    async with running(dataclasses.replace(a_service(answer), metrics=metrics)) as service:
        await ended(UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1)))
    calls = {
        code: metrics.registry.get_sample_value(
            "aviary_rpc_server_calls_total",
            {"service": "aviary.user.v1.UserService", "method": "GetUser", "code": code},
        )
        for code in ("OK", "INTERNAL")
    }
    assert calls == {"OK": 0, "INTERNAL": 1}


@pytest.mark.parametrize("metadata", [[("x-a", "y" * 8300)], [(f"x-{n}", "y" * 1000) for n in range(9)]])
async def test_metadata_over_8_kib_is_refused(metadata: list[tuple[str, str]]) -> None:
    async with running(a_service()) as service:
        stub = UserServiceStub(service.channel())
        error = await ended(stub.GetUser(GetUserRequest(user_id=1), metadata=metadata))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.GetUser(GetUserRequest(user_id=1), metadata=[("x-a", "y" * 7000)])


@pytest.mark.parametrize("path", ["/aviary.user.v1.UserService/Fly", "/aviary.bird.v1.BirdService/Fly", "/x"])
async def test_an_unknown_method_is_unimplemented(path: str) -> None:
    async with running(a_service()) as service:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = service.channel().unary_unary(path)
        assert (await ended(method(b""))).code() == grpc.StatusCode.UNIMPLEMENTED


async def test_without_a_token_nothing_that_needs_one_is_answered() -> None:
    async with running(a_service()) as service:
        errors = [
            await ended(UserServiceStub(service.channel()).UpdateUser(UPDATE)),
            await ended(UserInternalServiceStub(service.channel()).ResolveUsers(ResolveUsersRequest())),
        ]
    assert [error.code() for error in errors] == [grpc.StatusCode.UNAUTHENTICATED] * 2
    assert [failure(error).reason for error in errors] == ["CREDENTIALS_MISSING"] * 2


async def test_metadata_that_claims_an_identity_is_ignored() -> None:
    forged = (("x-user-id", "1"), ("x-role", "admin"), ("x-forwarded-user", "1"))

    async def answer(request: Any) -> Any:
        assert current_caller().user_id == 7
        return await answer_empty(request)

    async with running(a_service(answer)) as service:
        error = await ended(UserServiceStub(service.channel()).UpdateUser(UPDATE, metadata=forged))
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        metadata = (*forged, ("authorization", f"Bearer {issue_user_token(7)}"))
        await UserServiceStub(service.channel()).UpdateUser(UPDATE, metadata=metadata)


async def test_two_authorizations_are_refused() -> None:
    bearer = ("authorization", f"Bearer {issue_user_token(7)}")
    async with running(a_service()) as service:
        error = await ended(UserServiceStub(service.channel()).UpdateUser(UPDATE, metadata=(bearer, bearer)))
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED


async def resolve_as(service: RunningService, token: str) -> grpc.StatusCode:
    try:
        await UserInternalServiceStub(service.channel(token)).ResolveUsers(ResolveUsersRequest())
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_internal_methods_are_for_services() -> None:
    async with running(a_service()) as service:
        assert await resolve_as(service, issue_user_token(7)) == grpc.StatusCode.PERMISSION_DENIED
        assert await resolve_as(service, issue_service_token("graph_svc")) == grpc.StatusCode.OK
        error = await ended(UserServiceStub(service.channel(issue_service_token("graph_svc"))).UpdateUser(UPDATE))
        assert failure(error).reason == "CALLER_NOT_ALLOWED"


async def test_a_servicer_that_leaves_a_method_out_does_not_start() -> None:
    async def ready() -> None:
        pass

    partial = type("Partial", (user_service_pb2_grpc.UserServiceServicer,), {})()
    served = Served(user_service_pb2.DESCRIPTOR.services_by_name["UserService"], partial)
    with pytest.raises(BaseExceptionGroup) as raised:
        async with running(Service(name="user", served=[served], work=[], ready=ready)):
            pass
    assert raised.group_contains(BrokenContract, match="Partial does not answer /aviary.user.v1.UserService/")

"""Rules of the contract are checked before a handler runs; bytes that are no message never reach it (SEC83)."""

from typing import Any

import grpc
import pytest

from aviary.user.v1.user_service_pb2 import BatchGetUsersRequest, CreateUserRequest, GetUserRequest, UpdateUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.errors import InvalidArgument, MeshError
from tests.support.running import RunningService, failure, issue_user_token, running
from tests.support.scripted_users import a_service

BY_USERNAME = "/aviary.user.v1.UserService/GetUserByUsername"


async def never(request: Any) -> Any:
    raise AssertionError("a handler ran")


async def refused(request: Any) -> MeshError:
    """How a call with this request ends."""
    async with running(a_service(never)) as service:
        stub = UserServiceStub(service.channel(issue_user_token(7)))
        method = getattr(stub, type(request).__name__.removesuffix("Request"))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await method(request)
    found = failure(raised.value)
    assert type(found) is InvalidArgument
    assert found.reason == "VALIDATION_FAILED"
    return found


async def test_every_violation_is_told_with_its_field() -> None:
    error = await refused(CreateUserRequest(username="a!", password="x", display_name="y" * 500))
    fields = {violation.field: violation.description for violation in error.violations}
    assert fields["password"] == "must be at least 8 characters"
    assert {"username", "email", "password", "displayName"} <= set(fields)
    assert error.message.startswith("username: ")


async def test_an_element_of_a_list_is_told_by_its_index() -> None:
    error = await refused(BatchGetUsersRequest(user_ids=[1, -1]))
    assert [violation.field for violation in error.violations] == ["userIds[1]"]


async def test_a_field_within_a_field_is_told_by_its_path() -> None:
    request = UpdateUserRequest()
    request.user.display_name = "y" * 500
    error = await refused(request)
    assert "user.displayName" in {violation.field for violation in error.violations}


async def send(service: RunningService, body: bytes) -> grpc.aio.AioRpcError:
    """How a call with these bytes ends."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = service.channel().unary_unary(BY_USERNAME)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await method(body, timeout=5)
    return raised.value


@pytest.mark.parametrize(
    "body",
    [b"\x0a\xff", b"\xff" * 20, b"\x08", b"\x0a\x02\xff\xfe", b"\x0b" * 300, b"\x0a\x05ab", b"\x08" + b"\xff" * 11],
)
async def test_bytes_that_are_no_message_are_refused_without_the_librarys_text(body: bytes) -> None:
    async with running(a_service(never)) as service:
        error = await send(service, body)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == "the request is no aviary.user.v1.GetUserByUsernameRequest"
    assert failure(error).reason == "VALIDATION_FAILED"


async def test_the_server_lives_on_after_broken_bytes() -> None:
    async with running(a_service()) as service:
        for _ in range(20):
            await send(service, b"\xff\xff")
        await UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1))

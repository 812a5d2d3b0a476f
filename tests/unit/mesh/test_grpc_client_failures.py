"""What the failure of a call to another service becomes, and who may repeat it."""

import asyncio
from typing import Any

import grpc
import pytest

from aviary.type.v1.user_pb2 import User
from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from aviary.user.v1.user_service_pb2 import CreateUserRequest, GetUserRequest, GetUserResponse, UpdateUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.errors import (
    DeadlineExceeded,
    FieldViolation,
    InvalidArgument,
    MeshError,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from mesh.outgoing import CallRefused
from tests.support.channels import Opens, through
from tests.support.running import failure, issue_user_token, running
from tests.support.scripted_users import a_service, answer_empty
from tests.support.wait_until import wait_until


async def failing(open_to: Opens, error: BaseException) -> MeshError:
    """What a worker's read gets when the handler behind raises `error`."""

    async def answer(request: Any) -> Any:
        raise error

    async with running(a_service(answer)) as behind, open_to(behind) as channels:
        with pytest.raises(MeshError) as raised:
            await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))
    return raised.value


@pytest.mark.parametrize(
    "sent",
    [
        NotFound("USER_NOT_FOUND", "nobody", metadata={"user_id": "2"}),
        InvalidArgument("VALIDATION_FAILED", "x: y", violations=(FieldViolation("x", "y"),)),
        Unavailable.backend("the store"),
        DeadlineExceeded("DEADLINE_EXCEEDED", "late"),
    ],
)
async def test_a_failure_of_ours_comes_out_as_it_went_in(open_to: Opens, sent: MeshError) -> None:
    received = await failing(open_to, sent)
    assert type(received) is type(sent)
    assert vars(received) == vars(sent)


async def test_a_defect_behind_is_internal_and_says_nothing(open_to: Opens) -> None:
    received = await failing(open_to, RuntimeError("secret"))
    assert type(received) is MeshError
    assert (received.reason, received.message, received.code) == ("INTERNAL", "internal", "INTERNAL")


@pytest.mark.parametrize(
    "refusal", [Unauthenticated("CREDENTIALS_INVALID", "bad"), PermissionDenied("CALLER_NOT_ALLOWED", "no")]
)
async def test_a_refusal_of_the_services_own_token_is_a_defect_and_not_the_users_fault(
    open_to: Opens, refusal: MeshError
) -> None:
    async def answer(request: Any) -> Any:
        raise refusal

    async with running(a_service(answer)) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            with pytest.raises(CallRefused, match=refusal.reason):
                await UserInternalServiceStub(channels.to("user")).ResolveUsers(ResolveUsersRequest())
            return GetUserResponse()

        await through(front, token=issue_user_token(7))


async def test_a_refusal_of_the_users_token_is_the_users(open_to: Opens) -> None:
    async with running(a_service()) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            await UserServiceStub(channels.to("user")).UpdateUser(UpdateUserRequest(user=User(bio="x")))

        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await through(front, token=issue_user_token(7, ["tweet:write"]))
    assert failure(raised.value).reason == "SCOPE_MISSING"


async def test_a_method_that_is_not_there_is_a_defect_and_is_logged(
    open_to: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(a_service(), role="work") as behind, open_to(behind) as channels:
        with pytest.raises(MeshError) as raised:
            await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))
    assert raised.value.code == "INTERNAL"
    (record,) = [record for record in caplog.records if record.name == "mesh.outgoing"]
    assert record.fields == {"target": "user", "method": "GetUser", "code": "UNIMPLEMENTED"}  # type: ignore[attr-defined] # our extra


async def test_nobody_there_is_unavailable_at_once_and_names_the_service(open_to: Opens) -> None:
    async with open_to(None) as channels:
        with pytest.raises(Unavailable, match="the user service cannot be reached"):
            await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))


async def test_a_slow_service_is_a_deadline_exceeded(open_to: Opens) -> None:
    async def answer(request: Any) -> Any:
        await asyncio.Event().wait()

    async with running(a_service(answer)) as behind, open_to(behind) as channels:
        with pytest.raises(DeadlineExceeded):
            await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2), timeout=0.1)


class Flaky:
    """UNAVAILABLE for the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.attempts = 0

    async def answer(self, request: Any) -> Any:
        self.attempts += 1
        if self.attempts <= self.failures:
            raise Unavailable("BACKEND_UNAVAILABLE", "busy")
        return await answer_empty(request)


NEW_USER = CreateUserRequest(username="ada", email="ada@example.org", password="hunter2-hunter2")
KEYED = CreateUserRequest(username="ada", email="ada@example.org", password="hunter2-hunter2", request_id="key-1")


@pytest.mark.parametrize("request_", [GetUserRequest(user_id=2), KEYED])
async def test_a_worker_repeats_what_may_be_repeated(open_to: Opens, request_: Any) -> None:
    flaky = Flaky(failures=2)
    async with running(a_service(flaky.answer)) as behind, open_to(behind) as channels:
        stub = UserServiceStub(channels.to("user", retrying=True))
        await getattr(stub, type(request_).__name__.removesuffix("Request"))(request_)
    assert flaky.attempts == 3


async def test_a_worker_gives_up_after_three_attempts(open_to: Opens) -> None:
    flaky = Flaky(failures=9)
    async with running(a_service(flaky.answer)) as behind, open_to(behind) as channels:
        with pytest.raises(Unavailable):
            await UserServiceStub(channels.to("user", retrying=True)).GetUser(GetUserRequest(user_id=2))
    assert flaky.attempts == 3


async def test_a_create_without_a_key_is_never_repeated(open_to: Opens) -> None:
    flaky = Flaky(failures=1)
    async with running(a_service(flaky.answer)) as behind, open_to(behind) as channels:
        with pytest.raises(Unavailable):
            await UserServiceStub(channels.to("user", retrying=True)).CreateUser(NEW_USER)
    assert flaky.attempts == 1


async def test_a_call_on_behalf_of_another_is_never_repeated(open_to: Opens) -> None:
    flaky = Flaky(failures=1)
    async with running(a_service(flaky.answer)) as behind, open_to(behind) as channels:
        with pytest.raises(Unavailable):
            await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))
    assert flaky.attempts == 1


async def test_a_service_that_says_not_serving_is_left_alone_until_it_serves_again(open_to: Opens) -> None:
    is_ready = [False]

    async def ready() -> None:
        if not is_ready[0]:
            raise Unavailable.backend("the store")

    async with running(a_service(ready=ready)) as behind, open_to(behind) as channels:
        stub = UserServiceStub(channels.to("user"))
        with pytest.raises(Unavailable):
            await stub.GetUser(GetUserRequest(user_id=2))
        is_ready[0] = True

        async def answers() -> bool:
            try:
                await stub.GetUser(GetUserRequest(user_id=2))
            except Unavailable:
                return False
            return True

        await wait_until(answers)

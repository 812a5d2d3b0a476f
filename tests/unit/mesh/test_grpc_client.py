"""What goes along with a call to another service, over two real servers."""

import asyncio
from typing import Any

import pytest

from aviary.user.internal.v1.user_internal_service_pb2 import ResolveUsersRequest, ResolveUsersResponse
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from aviary.user.v1.user_service_pb2 import GetUserRequest, GetUserResponse
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.caller import CURRENT_CALL, Call, current_caller
from mesh.errors import (
    DeadlineExceeded,
    NotFound,
)
from mesh.metrics import Metrics
from tests.support.channels import Opens, through
from tests.support.running import issue_user_token, running
from tests.support.scripted_users import a_service, answer_empty


class Seen:
    """Answers with nothing, and keeps what each handler knew of its call."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.seconds_left: list[float] = []

    async def answer(self, request: Any) -> Any:
        call = CURRENT_CALL.get()
        assert call is not None
        self.calls.append(call)
        self.seconds_left.append(call.deadline - asyncio.get_running_loop().time())
        return await answer_empty(request)


async def test_deadline_request_id_and_user_go_along_from_server_to_server(open_to: Opens) -> None:
    seen = Seen()
    async with running(a_service(seen.answer)) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            return await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))

        await through(front, token=issue_user_token(7), within=1.0)
    (call,) = seen.calls
    assert call.request_id == "request-1"
    assert call.caller.user_id == 7
    assert 0 < seen.seconds_left[0] <= 0.995


async def test_a_shorter_timeout_of_the_calls_own_counts(open_to: Opens) -> None:
    seen = Seen()
    async with running(a_service(seen.answer)) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            return await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2), timeout=0.6)

        await through(front, within=1.0)
    assert 0 < seen.seconds_left[0] <= 0.6


async def test_a_method_for_services_is_called_with_the_services_own_token(open_to: Opens) -> None:
    seen = Seen()
    async with running(a_service(seen.answer)) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            await UserInternalServiceStub(channels.to("user")).ResolveUsers(ResolveUsersRequest())
            return GetUserResponse()

        await through(front, token=issue_user_token(7))
    assert (seen.calls[0].caller.service, seen.calls[0].caller.user_id) == ("tweet_svc", 0)


async def test_an_anonymous_caller_stays_anonymous(open_to: Opens) -> None:
    seen = Seen()
    async with running(a_service(seen.answer)) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            return await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))

        await through(front)
    assert (seen.calls[0].caller.service, seen.calls[0].caller.user_id) == ("", 0)


async def test_outside_of_a_call_the_service_speaks_for_itself(open_to: Opens) -> None:
    seen = Seen()
    async with running(a_service(seen.answer)) as behind, open_to(behind) as channels:
        await UserInternalServiceStub(channels.to("user")).ResolveUsers(ResolveUsersRequest())
    assert seen.calls[0].caller.service == "tweet_svc"
    assert len(seen.calls[0].request_id) == 32
    assert 0 < seen.seconds_left[0] <= 2.0


async def test_without_time_left_nothing_is_sent(open_to: Opens) -> None:
    seen, metrics = Seen(), Metrics()
    async with running(a_service(seen.answer)) as behind, open_to(behind, metrics) as channels:

        async def front(request: Any) -> Any:
            call = CURRENT_CALL.get()
            assert call is not None
            almost_over = asyncio.get_running_loop().time() + 0.004
            CURRENT_CALL.set(Call(current_caller(), call.request_id, almost_over))
            with pytest.raises(DeadlineExceeded):
                await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))
            return GetUserResponse()

        await through(front)
    assert seen.calls == []
    labels = {"target": "user", "method": "GetUser", "code": "DEADLINE_EXCEEDED"}
    assert metrics.registry.get_sample_value("aviary_rpc_client_calls_total", labels) is None


async def test_calls_are_counted_by_target_method_and_code(open_to: Opens) -> None:
    async def answer(request: Any) -> Any:
        if isinstance(request, GetUserRequest):
            raise NotFound("USER_NOT_FOUND", "nobody")
        return ResolveUsersResponse()

    metrics = Metrics()
    async with running(a_service(answer)) as behind, open_to(behind, metrics) as channels:
        with pytest.raises(NotFound):
            await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))
        await UserInternalServiceStub(channels.to("user")).ResolveUsers(ResolveUsersRequest())
    value = metrics.registry.get_sample_value
    labels = {"target": "user", "method": "GetUser", "code": "NOT_FOUND"}
    assert value("aviary_rpc_client_calls_total", labels) == 1
    labels = {"target": "user", "method": "ResolveUsers", "code": "OK"}
    assert value("aviary_rpc_client_calls_total", labels) == 1


async def test_hanging_up_hangs_up_behind_as_well(open_to: Opens) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(request: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with running(a_service(answer)) as behind, open_to(behind) as channels:

        async def front(request: Any) -> Any:
            return await UserServiceStub(channels.to("user")).GetUser(GetUserRequest(user_id=2))

        async with running(a_service(front)) as service, asyncio.timeout(5):
            call = UserServiceStub(service.channel()).GetUser(GetUserRequest(user_id=1))
            await begun.wait()
            call.cancel()
            await cancelled.wait()

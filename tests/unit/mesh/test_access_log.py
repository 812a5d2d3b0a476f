"""A line and a count for each call, without a word that a user wrote (SEC85)."""

import logging
from typing import Any

import grpc
import pytest

from aviary.user.v1.user_service_pb2 import CreateUserRequest, GetUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.errors import NotFound
from tests.support.running import issue_user_token, running
from tests.support.scripted_users import a_service, answer_empty

SERVICE = "aviary.user.v1.UserService"


async def answer(request: Any) -> Any:
    if isinstance(request, GetUserRequest) and request.user_id == 404:
        raise NotFound("USER_NOT_FOUND", "nobody")
    return await answer_empty(request)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    """Level and fields of each line of the access log."""
    return [(record.levelname, record.fields) for record in caplog.records if record.name == "mesh.access"]  # type: ignore[attr-defined] # our extra


async def test_a_failure_is_told_at_info_and_a_quick_success_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mesh.access")
    async with running(a_service(answer)) as service:
        stub = UserServiceStub(service.channel(issue_user_token(7)))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetUser(GetUserRequest(user_id=404), metadata=(("x-request-id", "request-1"),))
        await stub.GetUser(GetUserRequest(user_id=1))
    (failed_level, failed), (done_level, done) = lines(caplog)
    assert (failed_level, failed["code"], done_level, done["code"]) == ("INFO", "NOT_FOUND", "DEBUG", "OK")
    assert (failed["rpc_service"], failed["method"], failed["caller"]) == (SERVICE, "GetUser", 7)
    assert failed["request_id"] == "request-1"
    assert failed["ms"] >= 0


async def test_no_token_password_or_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = issue_user_token(7)
    request = CreateUserRequest(username="ada", email="ada@example.org", password="hunter2-hunter2")
    async with running(a_service()) as service:
        await UserServiceStub(service.channel(token)).CreateUser(request)
        with pytest.raises(grpc.aio.AioRpcError):
            await UserServiceStub(service.channel(token[:-9] + "AAAAAAAAA")).GetUser(GetUserRequest(user_id=1))
    logged = repr([vars(record) for record in caplog.records if record.name.startswith("mesh")])
    assert "rpc" in logged
    for secret in (token, token[:-9], "hunter2", "example.org"):
        assert secret not in logged


async def test_calls_are_counted_by_code_and_timed() -> None:
    service = a_service(answer)
    async with running(service) as served:
        stub = UserServiceStub(served.channel())
        await stub.GetUser(GetUserRequest(user_id=1))
        await stub.GetUser(GetUserRequest(user_id=2))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetUser(GetUserRequest(user_id=404))
    labels = {"service": SERVICE, "method": "GetUser"}
    value = service.metrics.registry.get_sample_value
    assert value("aviary_rpc_server_calls_total", {**labels, "code": "OK"}) == 2
    assert value("aviary_rpc_server_calls_total", {**labels, "code": "NOT_FOUND"}) == 1
    assert value("aviary_rpc_server_seconds_count", labels) == 3

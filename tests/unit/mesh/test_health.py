"""grpc.health.v1 as probes and load balancers use it: no token, one state, watches that end with the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from mesh.errors import Unavailable
from tests.support.running import RunningService, running
from tests.support.scripted_users import a_service
from tests.support.wait_until import wait_until

USERS = "aviary.user.v1.UserService"


class Readiness:
    """What a test says about the service's store."""

    def __init__(self) -> None:
        self.is_ready = True

    async def ready(self) -> None:
        if not self.is_ready:
            raise Unavailable.backend("the store")


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
async def service(readiness: Readiness) -> AsyncIterator[RunningService]:
    async with running(a_service(ready=readiness.ready)) as running_service:
        yield running_service


async def status(service: RunningService, name: str = "") -> str:
    answer = await HealthStub(service.channel()).Check(HealthCheckRequest(service=name))
    return str(HealthCheckResponse.ServingStatus.Name(answer.status))


@pytest.mark.parametrize("name", ["", USERS, "aviary.user.internal.v1.UserInternalService"])
async def test_a_ready_service_is_serving_under_each_name(service: RunningService, name: str) -> None:
    async def is_serving() -> bool:
        return await status(service, name) == "SERVING"

    await wait_until(is_serving)


async def test_a_service_that_lost_its_store_says_so_and_comes_back(
    service: RunningService, readiness: Readiness
) -> None:
    for is_ready, expected in ((True, "SERVING"), (False, "NOT_SERVING"), (True, "SERVING")):
        readiness.is_ready = is_ready

        async def as_expected(expected: str = expected) -> bool:
            return await status(service) == expected

        await wait_until(as_expected)


async def test_a_service_that_is_not_here_is_not_found(service: RunningService) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await status(service, "aviary.tweet.v1.TweetService")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


async def test_bytes_that_are_no_request_are_refused_without_the_librarys_text(service: RunningService) -> None:
    check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = service.channel().unary_unary(
        "/grpc.health.v1.Health/Check"
    )
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await check(b"\xff")
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "the request is no grpc.health.v1.HealthCheckRequest"


async def test_a_watch_tells_each_change_and_ends_with_the_server(readiness: Readiness) -> None:
    readiness.is_ready = False
    seen: list[str] = []

    async def watch(channel: grpc.aio.Channel) -> grpc.StatusCode:
        watched = HealthStub(channel).Watch(HealthCheckRequest())
        with suppress(grpc.aio.AioRpcError):
            while True:
                seen.append(HealthCheckResponse.ServingStatus.Name((await watched.read()).status))
        code: grpc.StatusCode = await watched.code()
        return code

    async with asyncio.timeout(8), asyncio.TaskGroup() as group:
        async with running(a_service(ready=readiness.ready)) as service:
            channel = grpc.aio.insecure_channel(service.target)
            watching = group.create_task(watch(channel))
            await wait_until(lambda: seen == ["NOT_SERVING"])
            readiness.is_ready = True
            await wait_until(lambda: seen == ["NOT_SERVING", "SERVING"])
        assert await watching == grpc.StatusCode.UNAVAILABLE
        await channel.close()
    assert seen == ["NOT_SERVING", "SERVING", "NOT_SERVING"]


async def test_watching_a_service_that_is_not_here_is_told_unknown(service: RunningService) -> None:
    watch = HealthStub(service.channel()).Watch(HealthCheckRequest(service="x"))
    assert (await watch.read()).status == HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()

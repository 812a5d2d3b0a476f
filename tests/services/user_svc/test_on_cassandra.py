"""user_svc as it runs on a cluster: the URL of the store is all that is different."""

from __future__ import annotations

from dataclasses import replace

import grpc
from redis.asyncio import Redis

from aviary.auth.v1.auth_service_pb2 import RefreshSessionRequest
from aviary.type.v1.user_pb2 import User
from aviary.user.v1.user_service_pb2 import UpdateUserRequest
from tests.services.user_svc.callers import Callers, a_sign_up
from tests.support.cassandra import open_keyspace, store_urls
from tests.support.running import running
from tests.support.wait_until import wait_until
from user_svc.app import open_service
from user_svc.config import UserConfig
from views.cache import BodyCache


async def test_the_main_job_is_done_on_cassandra(config: UserConfig, redis: Redis) -> None:
    on_cassandra = UserConfig(replace(config.mesh, store_url=store_urls()["user"]))
    request = a_sign_up("Ann", request_id="key-1")
    async with (
        open_keyspace("user"),
        open_service(on_cassandra) as service,
        running(service, role="all") as user_svc,
    ):
        users = Callers(user_svc)

        async def is_cached_with(bio: str) -> bool:
            found = await BodyCache(redis).users([ann.user_id])
            return ann.user_id in found and found[ann.user_id].bio == bio

        async def has_signed_up() -> bool:
            try:
                await users.user(0).CreateUser(request)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:  # it starts before it is connected
                    raise
                return False
            return True

        await wait_until(has_signed_up)
        ann = (await users.user(0).CreateUser(request)).user
        assert (await users.user(0).CreateUser(request)).user.user_id == ann.user_id
        await wait_until(lambda: is_cached_with("hi"))
        tokens = await users.log_in("ANN")
        answer = await users.auth().RefreshSession(RefreshSessionRequest(refresh_token=tokens.refresh_token))
        await users.with_token(answer.tokens.access_token).UpdateUser(UpdateUserRequest(user=User(bio="new")))
        await wait_until(lambda: is_cached_with("new"))

"""Channels as a service opens them, to a service that runs in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from aviary.user.v1.user_service_pb2 import GetUserRequest
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from mesh.clock import SystemClock
from mesh.grpc_client import Channels, open_channels
from mesh.metrics import Metrics
from mesh.tokens import ServiceTokens
from tests.support.running import RunningService, a_mesh_config, running
from tests.support.scripted_users import a_service

Opens = Callable[..., AbstractAsyncContextManager[Channels]]


def channels_of_tweet_svc(folder: Path) -> Opens:
    """Opens channels with the service given, or nobody, as "user"; keys are kept in `folder`."""

    def opened(service: RunningService | None, metrics: Metrics | None = None) -> AbstractAsyncContextManager[Channels]:
        config = a_mesh_config(folder, user_target=service.target if service else "ipv4:127.0.0.1:1")
        tokens = ServiceTokens("tweet_svc", config.service_key_file, SystemClock())
        return open_channels(config, service="tweet_svc", tokens=tokens, metrics=metrics)

    return opened


async def through(front: Callable[[Any], Awaitable[Any]], *, token: str = "", within: float | None = None) -> Any:
    """Call a service whose handler is `front`, with the request id "request-1"."""
    async with running(a_service(front)) as service:
        stub = UserServiceStub(service.channel(token))
        metadata = (("x-request-id", "request-1"),)
        return await stub.GetUser(GetUserRequest(user_id=1), timeout=within, metadata=metadata)

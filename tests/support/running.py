"""A service in this process on a free port, with the real chain around it, and channels that carry a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from mesh.clock import Clock, SystemClock
from mesh.command_line import Role
from mesh.config import MeshConfig
from mesh.errors import MeshError
from mesh.process import Service, living
from mesh.status import DETAILS_KEY, from_status
from mesh.tokens import TokenVerifier
from tests.support.keys import issue_service_token, issue_user_token, write_keys

__all__ = ["RunningService", "a_mesh_config", "failure", "issue_service_token", "issue_user_token", "running"]

PAGE_TOKEN_KEY = "a key for page tokens, of the tests only"


def a_mesh_config(
    tmp_path: Path,
    *,
    bus_url: str = "nats://127.0.0.1:4222",
    redis_url: str = "redis://127.0.0.1:6379/0",
    user_target: str = "ipv4:127.0.0.1:1",
    tweet_target: str = "ipv4:127.0.0.1:1",
    graph_target: str = "ipv4:127.0.0.1:1",
    engagement_target: str = "ipv4:127.0.0.1:1",
    timeline_target: str = "ipv4:127.0.0.1:1",
) -> MeshConfig:
    """SQLite files and keys in `tmp_path`, any free port, and nobody at the targets that are not named."""
    jwks_file, key_file = write_keys(tmp_path)
    return MeshConfig(
        listen="127.0.0.1:0",
        store_url=f"sqlite://{tmp_path}",
        bus_url=bus_url,
        redis_url=redis_url,
        jwks_file=jwks_file,
        service_key_file=key_file,
        page_token_key=PAGE_TOKEN_KEY,
        user_target=user_target,
        tweet_target=tweet_target,
        graph_target=graph_target,
        engagement_target=engagement_target,
        timeline_target=timeline_target,
    )


@dataclass(frozen=True)
class RunningService:
    """A service that answers at `port`."""

    service: Service
    port: int
    _stack: AsyncExitStack = field(repr=False)

    @property
    def target(self) -> str:
        """For a channel, and for the targets of another service's config."""
        return f"ipv4:127.0.0.1:{self.port}"

    def channel(self, token: str = "") -> grpc.aio.Channel:
        """A plain channel, closed with the service, that sends the token with every call."""
        interceptors = [_Bearer(token)] if token else []
        channel = grpc.aio.insecure_channel(self.target, interceptors=interceptors)
        self._stack.push_async_callback(channel.close)
        return channel


@asynccontextmanager
async def running(
    service: Service, *, role: Role = "serve", clock: Clock | None = None
) -> AsyncIterator[RunningService]:
    """Serve until the block ends; with role "all" its loops run too. `clock` is what tokens are judged by."""
    with TemporaryDirectory() as folder:
        jwks_file, _ = write_keys(Path(folder))
        judge = clock or SystemClock()
        verifier = TokenVerifier(jwks_file, judge)
        raised: BaseException | None = None
        async with (
            living(service, role=role, listen="127.0.0.1:0", verifier=verifier, clock=judge) as server,
            AsyncExitStack() as stack,
        ):
            try:
                yield RunningService(service, server.port, stack)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - raised again below: a TaskGroup would wrap it
                raised = error
    if raised is not None:
        raise raised


def failure(error: grpc.aio.AioRpcError) -> MeshError:
    """The reason, message, violations and metadata in a status; fails when it carries none of ours."""
    details = dict(error.trailing_metadata() or ()).get(DETAILS_KEY)
    found = from_status(error.code(), details if isinstance(details, bytes) else None)
    assert found is not None, f"no details in {error!r}"
    return found


class _Bearer(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()), ("authorization", f"Bearer {self._token}"))
        details = grpc.aio.ClientCallDetails(
            client_call_details.method,
            client_call_details.timeout,
            metadata,
            client_call_details.credentials,
            client_call_details.wait_for_ready,
        )
        return await continuation(details, request)

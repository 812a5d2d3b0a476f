"""Channels to the other services: the call in progress goes along (deadline, request id, identity), failures come back.

No grpc interceptors: each would cost a task per call. The channel hands out calls that do all of it in one place.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import grpc

from mesh.calls.target import CallTarget
from mesh.config import MeshConfig
from mesh.metrics import Metrics
from mesh.outgoing import OutgoingChannel
from mesh.tokens import ServiceTokens

MOST_MESSAGE_BYTES = 1024 * 1024

# Balance over replicas, and leave those alone whose health says NOT_SERVING. The config's `timeout` is never used: it
# ends calls a second early (https://github.com/grpc/grpc/issues/40633); each call brings its own.
_BALANCE: Mapping[str, object] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
}


class Channels:
    """The channels of one process, each opened when it is asked for first. Made by `open_channels`."""

    def __init__(self, service: str, targets: Mapping[str, str], *, tokens: ServiceTokens, metrics: Metrics) -> None:
        self._service = service
        self._targets = targets
        self._tokens = tokens
        self._metrics = metrics
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[str, CallTarget] = {}

    def to(self, name: str, *, retrying: bool = False) -> grpc.aio.Channel:
        """The channel to a service by its short name, such as "graph", for a generated stub.

        Calls raise mesh.errors. With `retrying`, calls that may be repeated are repeated while the service is
        UNAVAILABLE, up to three attempts in all: only for who starts a call, such as a worker.
        """
        if name not in self._channels:
            target = self._targets[name]
            self._channels[name] = grpc.aio.insecure_channel(target, _options(self._service))
            self._calls[name] = CallTarget(self._channels[name], target)
        channel = OutgoingChannel(
            name, self._calls[name], is_retrying=retrying, tokens=self._tokens, metrics=self._metrics
        )
        return cast("grpc.aio.Channel", channel)

    async def close(self) -> None:
        """Close them all; calls in progress are cancelled."""
        for name, channel in self._channels.items():
            await self._calls[name].close()
            await channel.close()


@asynccontextmanager
async def open_channels(
    config: MeshConfig, *, service: str, tokens: ServiceTokens, metrics: Metrics | None = None
) -> AsyncIterator[Channels]:
    """Channels from `service` to the targets of the config; opening them needs nobody to be there."""
    channels = Channels(service, config.targets(), tokens=tokens, metrics=metrics or Metrics())
    try:
        yield channels
    finally:
        await channels.close()


def _options(service: str) -> list[tuple[str, str | int]]:
    return [
        ("grpc.primary_user_agent", service),
        ("grpc.service_config", json.dumps(_BALANCE)),
        ("grpc.service_config_disable_resolution", 1),
        # Two channels that share a connection, and both ask for health, end the process when it is lost just as it came
        # up: gRPC 1.85 then uses the connection that is no more.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
        ("grpc.max_receive_message_length", MOST_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MOST_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 3_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.ping_timeout_ms", 3_000),
        ("grpc.http2.max_pings_without_data", 0),
        # A service that was started again is found within a second, not within the default of two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]

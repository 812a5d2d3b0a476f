"""Calls methods by their path on the wire: one channel a target, bytes in and bytes out.

The edge is the outermost caller, so it is where calls are repeated: those that the contract lets be repeated, while the
service is UNAVAILABLE. gRPC does it, within the deadline of the call and within a budget.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc

from edge_proxy.descriptor_set import Rpc
from edge_proxy.headers import Metadata

MOST_RESPONSE_BYTES = 4 * 1024 * 1024
MOST_METADATA_BYTES = 16 * 1024

# The `timeout` of a service config is never used: it ends calls a second early
# (https://github.com/grpc/grpc/issues/40633). Each call brings its own.
_BALANCE: Mapping[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
# Copies that say NOT_SERVING are left alone. Only servers with our policies are known to have the check.
_HEALTH: Mapping[str, object] = {"healthCheckConfig": {"serviceName": ""}}
# Only calls that may be repeated go over a channel with this.
_RETRY: Mapping[str, object] = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.02s",
                "maxBackoff": "0.25s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
}

_Call: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


class UpstreamMethod:
    """One method of a service behind the edge."""

    def __init__(self, once: _Call, repeated: _Call) -> None:
        self._once = once
        self._repeated = repeated

    async def call(
        self, request: bytes, *, seconds: float, metadata: Metadata, may_repeat: bool
    ) -> tuple[bytes, grpc.aio.Metadata]:
        """The response and the initial metadata. Raises grpc.aio.AioRpcError."""
        send = self._repeated if may_repeat else self._once
        call = send(request, timeout=seconds, metadata=metadata)
        response = await call
        return response, await call.initial_metadata()


class Upstreams:
    """The channels to every target; they connect when they are used first."""

    def __init__(self, targets: Mapping[str, str], services: Mapping[str, Sequence[Rpc]]) -> None:
        """`targets` is the gRPC target of each service."""
        self._targets = targets
        served: dict[str, list[Rpc]] = {}
        for service, target in targets.items():
            served.setdefault(target, []).extend(services[service])
        self._once = {target: _channel(target, rpcs, retries=False) for target, rpcs in served.items()}
        self._repeated = {target: _channel(target, rpcs, retries=True) for target, rpcs in served.items()}

    def method(self, rpc: Rpc) -> UpstreamMethod:
        """What calls a method of a service that has a target."""
        target = self._targets[rpc.service]
        return UpstreamMethod(self._once[target].unary_unary(rpc.path), self._repeated[target].unary_unary(rpc.path))

    async def is_serving(self, service: str, *, seconds: float) -> bool:
        """Whether the standard health check says SERVING; a server that has none counts as one that does."""
        check: _Call = self._once[self._targets[service]].unary_unary("/grpc.health.v1.Health/Check")
        try:
            # A HealthCheckResponse whose status (field 1) is SERVING (1).
            return await check(b"", timeout=seconds) == b"\x08\x01"
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNIMPLEMENTED

    async def close(self) -> None:
        """Close every channel; calls in progress are cancelled."""
        for channel in (*self._once.values(), *self._repeated.values()):
            await channel.close()


@asynccontextmanager
async def open_upstreams(targets: Mapping[str, str], services: Mapping[str, Sequence[Rpc]]) -> AsyncIterator[Upstreams]:
    """Channels to the targets; nobody needs to be there yet."""
    upstreams = Upstreams(targets, services)
    try:
        yield upstreams
    finally:
        await upstreams.close()


def _channel(target: str, rpcs: Sequence[Rpc], *, retries: bool) -> grpc.aio.Channel:
    is_ours = any(rpc.policy is not None for rpc in rpcs)
    config = {**_BALANCE, **(_HEALTH if is_ours else {}), **(_RETRY if retries else {})}
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_retries", int(retries)),
        ("grpc.max_receive_message_length", MOST_RESPONSE_BYTES),
        ("grpc.max_metadata_size", MOST_METADATA_BYTES),
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 3_000),
        # Servers of other makers take pings without calls for abuse (gRPC A8); those with our policies do not.
        ("grpc.keepalive_permit_without_calls", int(is_ours)),
        ("grpc.http2.ping_timeout_ms", 3_000),
        ("grpc.http2.max_pings_without_data", 0),
        # A service that was started again is found within a second, not within the default of two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
    return grpc.aio.insecure_channel(target, options)

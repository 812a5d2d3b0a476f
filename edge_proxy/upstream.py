"""Calls methods by their path on the wire: one channel a target, bytes in and bytes out.

The edge is the outermost caller, so it is where calls are repeated: those that the contract lets be repeated, while the
service is UNAVAILABLE. gRPC does it, within the deadline of the call and within a budget.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import grpc

from edge_proxy.descriptor_set import Rpc
from edge_proxy.headers import Metadata
from mesh.calls.target import CallTarget

MOST_RESPONSE_BYTES = 4 * 1024 * 1024
MOST_METADATA_BYTES = 16 * 1024

# The `timeout` of a service config is never used: it ends calls a second early
# (https://github.com/grpc/grpc/issues/40633). Each call brings its own.
_BALANCE: Mapping[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
# Copies that say NOT_SERVING are left alone. Only servers with our policies are known to have the check.
_HEALTH: Mapping[str, object] = {"healthCheckConfig": {"serviceName": ""}}
# What a stream that nobody reads may hold here. gRPC left to itself lets that grow: to 10 MiB for each, as measured.
_HELD_UP = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 * 1024))
_Call: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
_Stream: TypeAlias = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
StreamCall: TypeAlias = grpc.aio.UnaryStreamCall[bytes, bytes]


class UpstreamMethod:
    """One method of a service behind the edge."""

    def __init__(self, path: str, calls: CallTarget, streams: grpc.aio.Channel) -> None:
        self._path = path
        self._calls = calls
        self._stream: _Stream = streams.unary_stream(path)

    async def call(
        self, request: bytes, *, seconds: float, metadata: Metadata, may_repeat: bool
    ) -> tuple[bytes, Iterable[tuple[str, str | bytes]]]:
        """The response and the initial metadata. Raises grpc.aio.AioRpcError."""
        return await self._calls.call(self._path, request, seconds=seconds, metadata=metadata, may_repeat=may_repeat)

    def stream(self, request: bytes, *, seconds: float, metadata: Metadata) -> StreamCall:
        """The call, begun once; whoever asks for it cancels it. What is not read holds up the service."""
        return self._stream(request, timeout=seconds, metadata=metadata)


class Upstreams:
    """The channels to every target; they connect when they are used first."""

    def __init__(self, targets: Mapping[str, str], services: Mapping[str, Sequence[Rpc]]) -> None:
        """`targets` is the gRPC target of each service."""
        self._targets = targets
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._stream_channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[str, CallTarget] = {}
        for target in dict.fromkeys(targets.values()):
            # Servers with our policies are our own; of others nothing is known.
            is_ours = any(
                rpc.policy is not None for service, at in targets.items() if at == target for rpc in services[service]
            )
            self._channels[target] = _channel(target, is_ours=is_ours)
            # Of their own, so that what no client reads is in nobody's way. It connects with the first stream.
            self._stream_channels[target] = _channel(target, is_ours=is_ours, more=_HELD_UP)
            self._calls[target] = CallTarget(self._channels[target], target, takes_streams=is_ours)

    def method(self, rpc: Rpc) -> UpstreamMethod:
        """What calls a method of a service that has a target."""
        target = self._targets[rpc.service]
        return UpstreamMethod(rpc.path, self._calls[target], self._stream_channels[target])

    async def is_serving(self, service: str, *, seconds: float) -> bool:
        """Whether the standard health check says SERVING; a server that has none counts as one that does."""
        check: _Call = self._channels[self._targets[service]].unary_unary("/grpc.health.v1.Health/Check")
        try:
            # A HealthCheckResponse whose status (field 1) is SERVING (1).
            return await check(b"", timeout=seconds) == b"\x08\x01"
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNIMPLEMENTED

    async def close(self) -> None:
        """Close every channel; calls in progress are cancelled."""
        for target, channel in self._channels.items():
            await self._calls[target].close()
            await self._stream_channels[target].close()
            await channel.close()


@asynccontextmanager
async def open_upstreams(targets: Mapping[str, str], services: Mapping[str, Sequence[Rpc]]) -> AsyncIterator[Upstreams]:
    """Channels to the targets; nobody needs to be there yet."""
    upstreams = Upstreams(targets, services)
    try:
        yield upstreams
    finally:
        await upstreams.close()


def _channel(target: str, *, is_ours: bool, more: Sequence[tuple[str, int]] = ()) -> grpc.aio.Channel:
    config = {**_BALANCE, **(_HEALTH if is_ours else {})}
    options: list[tuple[str, str | int]] = [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.service_config_disable_resolution", 1),
        # Two channels that share a connection, and both ask for health, end the process when it is lost just as it came
        # up: gRPC 1.85 then uses the connection that is no more.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_retries", 0),
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
        *more,
    ]
    return grpc.aio.insecure_channel(target, options)

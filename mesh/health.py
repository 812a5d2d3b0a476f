"""grpc.health.v1: one state for the whole process, told under "" and under each service's name.

The package's own servicer keeps a watcher's stream open while the server drains, for the whole grace; here it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from mesh.interceptors.incoming import Context


class Health:
    """NOT_SERVING until it is told otherwise."""

    def __init__(self, services: Collection[str], *, on_leaving: Callable[[], None] = lambda: None) -> None:
        """`on_leaving` is called when it has said SERVING and says so no longer."""
        self._on_leaving = on_leaving
        self._names = frozenset(("", *services))
        self._is_serving = False
        self._is_closed = False
        self._changed = asyncio.Event()

    def tell(self, *, is_serving: bool) -> None:
        """Change the state, and tell who watches."""
        is_leaving = self._is_serving and not is_serving
        self._is_serving = is_serving
        self._wake()
        if is_leaving:
            self._on_leaving()

    def close(self) -> None:
        """NOT_SERVING, and the end of every watch."""
        self._is_closed = True
        self.tell(is_serving=False)

    def handlers(self) -> grpc.GenericRpcHandler:
        """For the server. Requests come as bytes, so that broken ones are answered as anywhere else."""
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Check": grpc.unary_unary_rpc_method_handler(
                self._check, response_serializer=HealthCheckResponse.SerializeToString
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                self._watch, response_serializer=HealthCheckResponse.SerializeToString
            ),
        }
        return grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods)

    async def _check(self, body: bytes, context: Context) -> HealthCheckResponse:
        name = await _name(body, context)
        if name not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service here")
        return self._state(name)

    async def _watch(self, body: bytes, context: Context) -> AsyncIterator[HealthCheckResponse]:
        name = await _name(body, context)
        told = None
        while True:
            state, changed = self._state(name), self._changed
            if state != told:
                yield state
                told = state
            if self._is_closed:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the server is stopping")
            await changed.wait()

    def _state(self, name: str) -> HealthCheckResponse:
        if name not in self._names:
            return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        status = HealthCheckResponse.SERVING if self._is_serving else HealthCheckResponse.NOT_SERVING
        return HealthCheckResponse(status=status)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _name(body: bytes, context: Context) -> str:
    try:
        return str(HealthCheckRequest.FromString(body).service)
    except DecodeError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request is no grpc.health.v1.HealthCheckRequest")
        raise

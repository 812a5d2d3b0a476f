"""A gRPC server in this process that plays any service of a descriptor set, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from edge_proxy.descriptor_set import Contracts, Rpc
from mesh.health import Health

# Gets the request and the call, gives the response; of a stream, one after the other.
Behaviour = Callable[[Any, Any], Awaitable[Any] | AsyncIterator[Any]]


@dataclass(frozen=True)
class Asked:
    """One call: its method, its request, its metadata in the order it came, and the seconds it was given."""

    method: str
    request: Any
    metadata: list[tuple[str, str]]
    seconds: float

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.metadata if key == name]
        assert len(values) <= 1
        return values[0] if values else None


@dataclass
class StandIn(grpc.GenericRpcHandler):
    """Answers every method with an empty response, unless a behaviour is set for its name."""

    contracts: Contracts
    port: int = 0
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def response(self, method: str, **fields: Any) -> Message:
        """A response of a method."""
        return self._rpc(method).response(**fields)

    def answers(self, method: str, **fields: Any) -> None:
        """From now on, a method answers with these fields."""

        async def answer(_request: Any, _call: Any) -> Message:
            return self.response(method, **fields)

        self.behaviours[method] = answer

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        for rpcs in self.contracts.services.values():
            for rpc in rpcs:
                if rpc.path == handler_call_details.method:
                    return self._handler(rpc)
        return None

    def _rpc(self, method: str) -> Rpc:
        return next(rpc for rpcs in self.contracts.services.values() for rpc in rpcs if rpc.name == method)

    def _handler(self, rpc: Rpc) -> grpc.RpcMethodHandler[Any, Any]:
        def begin(request: Any, call: Any) -> Behaviour | None:
            metadata = [(key, value) for key, value in call.invocation_metadata()]
            self.asked.append(Asked(rpc.name, request, metadata, call.time_remaining()))
            return self.behaviours.get(rpc.name)

        async def handle(request: Any, call: Any) -> Any:
            behaviour: Any = begin(request, call)
            return await behaviour(request, call) if behaviour is not None else rpc.response()

        async def stream(request: Any, call: Any) -> AsyncIterator[Any]:
            behaviour: Any = begin(request, call)
            if behaviour is not None:
                async for message in behaviour(request, call):
                    yield message

        codec: dict[str, Any] = {
            "request_deserializer": rpc.request.FromString,
            "response_serializer": rpc.response.SerializeToString,
        }
        if rpc.gives_stream:
            return grpc.unary_stream_rpc_method_handler(stream, **codec)
        return grpc.unary_unary_rpc_method_handler(handle, **codec)


@asynccontextmanager
async def standing_in(contracts: Contracts, *, with_health: bool = False) -> AsyncIterator[StandIn]:
    """The server on a free port. With health, it says SERVING."""
    stand_in = StandIn(contracts)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((stand_in,))
    if with_health:
        health = Health(list(contracts.services))
        health.tell(is_serving=True)
        server.add_generic_rpc_handlers((health.handlers(),))
    stand_in.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield stand_in
    finally:
        await server.stop(None)

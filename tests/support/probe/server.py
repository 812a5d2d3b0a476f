"""The server behind the probe contract: it answers with what it was asked, and keeps it for the test to look at.

It knows the contract from the descriptor set alone, and nothing of the edge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from tests.support.compiled import compile_protos

HERE = Path(__file__).parent
PROBE, STORE = "acme.probe.v3.Probe", "acme.probe.v3.Store"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass
class ProbeServer(grpc.GenericRpcHandler):
    """Plays both services. `asked` has the name and the request of each call."""

    pool: DescriptorPool
    port: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        service, _, name = handler_call_details.method.lstrip("/").partition("/")
        if service not in {PROBE, STORE}:
            return None
        method: MethodDescriptor = self.pool.FindServiceByName(service).methods_by_name[name]
        request, response = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))

        async def handle(message: Any, call: Any) -> Any:
            self.asked.append((name, message))
            if name == "Fail":
                await _fail(message, call)
            return message if request is response else response()

        return grpc.unary_unary_rpc_method_handler(
            handle, request_deserializer=request.FromString, response_serializer=response.SerializeToString
        )


async def _fail(message: Any, call: Any) -> None:
    if message.status:
        call.set_trailing_metadata((("grpc-status-details-bin", message.status),))
    await call.abort(_CODES[message.code], message.message)


def compile_probe() -> FileDescriptorSet:
    """The descriptor set of the contract, with imports."""
    return compile_protos(HERE, "probe.proto")


@asynccontextmanager
async def probe_server(file: Path) -> AsyncIterator[ProbeServer]:
    """The server on a free port, for the descriptor set in `file`."""
    pool = DescriptorPool()
    for each in FileDescriptorSet.FromString(file.read_bytes()).file:  # noqa: ASYNC240 - once, before anybody asks
        pool.Add(each)
    probe = ProbeServer(pool)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((probe,))
    probe.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield probe
    finally:
        await server.stop(None)

"""gRPC server reflection, v1 and v1alpha, from the descriptor set with its comments.

The package grpcio-reflection knows v1alpha only, no comments, and no symbols of methods; its messages are used here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2 as messages

from mesh.descriptors import Files, read_files
from mesh.interceptors.incoming import Context

VERSIONS = ("v1", "v1alpha")
HEALTH = "grpc.health.v1.Health"


def reflection_handlers(services: Sequence[str]) -> tuple[grpc.GenericRpcHandler, ...]:
    """Handlers of both versions for a server of these services, health and reflection itself."""
    names = tuple(f"grpc.reflection.{version}.ServerReflection" for version in VERSIONS)
    method: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        Reflection((*services, HEALTH, *names)).ServerReflectionInfo,
        response_serializer=messages.ServerReflectionResponse.SerializeToString,
    )
    return tuple(grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method}) for name in names)


class Reflection:
    """Answers what is asked about the contracts. The descriptor set is read when somebody asks first."""

    def __init__(self, services: Sequence[str]) -> None:
        self._services = sorted(services)

    async def ServerReflectionInfo(
        self, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[messages.ServerReflectionResponse]:
        """One answer for each question. Requests come as bytes, so that broken ones are answered as anywhere else."""
        async for body in requests:
            try:
                request = messages.ServerReflectionRequest.FromString(body)
            except DecodeError:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request is no ServerReflectionRequest")
            yield self.answer(request)

    def answer(self, request: messages.ServerReflectionRequest) -> messages.ServerReflectionResponse:
        """The files, numbers or names asked for, or an error_response with NOT_FOUND."""
        response = messages.ServerReflectionResponse(valid_host=request.host, original_request=request)
        try:
            self._fill(response, request)
        except KeyError:
            code, text = grpc.StatusCode.NOT_FOUND.value
            response.error_response.error_code, response.error_response.error_message = code, text
        return response

    def _fill(self, response: messages.ServerReflectionResponse, request: messages.ServerReflectionRequest) -> None:
        match request.WhichOneof("message_request"):
            case "list_services":
                response.list_services_response.service.extend(
                    messages.ServiceResponse(name=name) for name in self._services
                )
            case "file_by_filename":
                self._add_files(response, request.file_by_filename)
            case "file_containing_symbol":
                self._add_files(response, self._files.of_symbol[request.file_containing_symbol.lstrip(".")])
            case "file_containing_extension":
                asked = request.file_containing_extension
                self._add_files(response, self._files.of_extension[asked.containing_type, asked.extension_number])
            case "all_extension_numbers_of_type":
                self._add_numbers(response, request.all_extension_numbers_of_type)
            case _:
                raise KeyError

    def _add_files(self, response: messages.ServerReflectionResponse, name: str) -> None:
        response.file_descriptor_response.file_descriptor_proto.extend(self._files.with_imports(name))

    def _add_numbers(self, response: messages.ServerReflectionResponse, extended: str) -> None:
        if extended not in self._files.of_symbol:
            raise KeyError(extended)
        numbers = sorted(number for name, number in self._files.of_extension if name == extended)
        response.all_extension_numbers_response.base_type_name = extended
        response.all_extension_numbers_response.extension_number.extend(numbers)

    @cached_property
    def _files(self) -> Files:
        return read_files()

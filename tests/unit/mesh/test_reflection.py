"""What grpcurl and its kin ask a server about itself, in both versions of the protocol."""

from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import (
    ExtensionRequest,
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from tests.support.running import RunningService, running
from tests.support.scripted_users import a_service

METHOD = "aviary.user.v1.UserService.CreateUser"


@pytest.fixture
async def service() -> AsyncIterator[RunningService]:
    async with running(a_service()) as running_service:
        yield running_service


@pytest.fixture(params=["v1", "v1alpha"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def ask(
    service: RunningService, version: str, *requests: ServerReflectionRequest
) -> list[ServerReflectionResponse]:
    """The answers on one stream."""
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    stream: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
    stream = service.channel().stream_stream(
        path, ServerReflectionRequest.SerializeToString, ServerReflectionResponse.FromString
    )
    return [answer async for answer in stream(iter(requests))]


async def files(service: RunningService, version: str, request: ServerReflectionRequest) -> list[FileDescriptorProto]:
    (answer,) = await ask(service, version, request)
    assert answer.WhichOneof("message_response") == "file_descriptor_response", answer
    return [FileDescriptorProto.FromString(each) for each in answer.file_descriptor_response.file_descriptor_proto]


async def test_the_services_of_this_server_are_listed_and_no_others(service: RunningService, version: str) -> None:
    (answer,) = await ask(service, version, ServerReflectionRequest(list_services="*"))
    assert [each.name for each in answer.list_services_response.service] == [
        "aviary.user.internal.v1.UserInternalService",
        "aviary.user.v1.UserService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("aviary.user.v1.UserService", "aviary/user/v1/user_service.proto"),
        (METHOD, "aviary/user/v1/user_service.proto"),
        ("aviary.user.v1.CreateUserRequest", "aviary/user/v1/user_service.proto"),
        ("aviary.user.v1.CreateUserRequest.username", "aviary/user/v1/user_service.proto"),
        ("aviary.options.v1.AuthLevel", "aviary/options/v1/method_policy.proto"),
        ("aviary.options.v1.AUTH_LEVEL_USER", "aviary/options/v1/method_policy.proto"),
        ("aviary.options.v1.policy", "aviary/options/v1/method_policy.proto"),
        ("google.rpc.ErrorInfo", "google/rpc/error_details.proto"),
        ("google.rpc.ErrorInfo.MetadataEntry", "google/rpc/error_details.proto"),
        ("google.api.HttpRule.get", "google/api/http.proto"),
        ("grpc.health.v1.Health.Check", "grpc_health/v1/health.proto"),
        ("grpc.reflection.v1.ServerReflection", "grpc_reflection/v1/reflection.proto"),
        ("grpc.reflection.v1alpha.ServerReflection", "grpc_reflection/v1alpha/reflection.proto"),
    ],
)
async def test_a_symbol_is_found_in_its_file(service: RunningService, version: str, symbol: str, file: str) -> None:
    assert (await files(service, version, ServerReflectionRequest(file_containing_symbol=symbol)))[0].name == file


async def test_a_method_comes_with_its_comment(service: RunningService, version: str) -> None:
    file = (await files(service, version, ServerReflectionRequest(file_containing_symbol=METHOD)))[0]
    names = [method.name for method in file.service[0].method]
    path = [6, 0, 2, names.index("CreateUser")]
    comments = [place.leading_comments for place in file.source_code_info.location if list(place.path) == path]
    assert comments == [" Signs up.\n"]


async def test_a_file_comes_with_all_that_it_imports(service: RunningService, version: str) -> None:
    found = await files(service, version, ServerReflectionRequest(file_by_filename="aviary/user/v1/user_service.proto"))
    names = {file.name for file in found}
    assert {name for file in found for name in file.dependency} <= names
    assert "buf/validate/validate.proto" in names


async def test_an_extension_is_found_by_its_number(service: RunningService, version: str) -> None:
    extension = ExtensionRequest(containing_type="google.protobuf.MethodOptions", extension_number=50101)
    found = await files(service, version, ServerReflectionRequest(file_containing_extension=extension))
    assert found[0].name == "aviary/options/v1/method_policy.proto"
    (answer,) = await ask(
        service, version, ServerReflectionRequest(all_extension_numbers_of_type="google.protobuf.MethodOptions")
    )
    assert 50101 in answer.all_extension_numbers_response.extension_number


async def test_what_is_not_there_is_not_found_and_the_stream_goes_on(service: RunningService, version: str) -> None:
    answers = await ask(
        service,
        version,
        ServerReflectionRequest(file_containing_symbol="aviary.user.v1.UserService.Fly"),
        ServerReflectionRequest(file_by_filename="nothing.proto"),
        ServerReflectionRequest(all_extension_numbers_of_type="no.such.Type"),
        ServerReflectionRequest(),
        ServerReflectionRequest(file_containing_symbol=METHOD),
    )
    assert [answer.error_response.error_code for answer in answers] == [5, 5, 5, 5, 0]
    assert answers[0].original_request.file_containing_symbol == "aviary.user.v1.UserService.Fly"


async def test_bytes_that_are_no_request_are_refused_without_the_librarys_text(
    service: RunningService, version: str
) -> None:
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = service.channel().stream_stream(path)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        _ = [answer async for answer in stream(iter([b"\xff"]))]
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "the request is no ServerReflectionRequest"

"""The contracts as files, by name and by what is declared in them: what reflection answers from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from aviary.options.v1 import method_policy_pb2


@dataclass(frozen=True, slots=True)
class Files:
    """Proto files by name; names of files by symbol and by extension (extended message, number)."""

    by_name: dict[str, FileDescriptorProto] = field(default_factory=dict)
    of_symbol: dict[str, str] = field(default_factory=dict)
    of_extension: dict[tuple[str, int], str] = field(default_factory=dict)

    def with_imports(self, name: str) -> list[bytes]:
        """The file and everything it imports, serialised, the file first. Raises KeyError."""
        wanted = {name: self.by_name[name]}
        queue = [name]
        while queue:
            for imported in self.by_name[queue.pop()].dependency:
                if imported in self.by_name and imported not in wanted:
                    wanted[imported] = self.by_name[imported]
                    queue.append(imported)
        return [each.SerializeToString() for each in wanted.values()]


def read_files() -> Files:
    """Our contracts with their comments, out of generated/reflection.binpb, and those of health and reflection."""
    descriptor_set = Path(method_policy_pb2.__file__).parents[3] / "reflection.binpb"
    ours = FileDescriptorSet.FromString(descriptor_set.read_bytes())
    return index((*ours.file, *_of_the_packages()))


def index(protos: Iterable[FileDescriptorProto]) -> Files:
    """Look up what is declared where."""
    files = Files()
    for proto in protos:
        files.by_name[proto.name] = proto
        for symbol in _symbols(proto):
            files.of_symbol[symbol] = proto.name
        for extended, number in _extensions(proto):
            files.of_extension[extended, number] = proto.name
    return files


def _of_the_packages() -> Iterator[FileDescriptorProto]:
    health, v1alpha = FileDescriptorProto(), FileDescriptorProto()
    health_pb2.DESCRIPTOR.CopyToProto(health)
    reflection_pb2.DESCRIPTOR.CopyToProto(v1alpha)
    # v1 is v1alpha under another name: https://github.com/grpc/grpc-proto/tree/master/grpc/reflection
    text = text_format.MessageToString(v1alpha).replace("v1alpha", "v1")
    yield from (health, v1alpha, text_format.Parse(text, FileDescriptorProto()))


def _symbols(proto: FileDescriptorProto) -> Iterator[str]:
    scope = f"{proto.package}." if proto.package else ""
    for message in proto.message_type:
        yield from _symbols_of_message(message, scope)
    for enum in proto.enum_type:
        yield from _symbols_of_enum(enum, scope)
    for extension in proto.extension:
        yield scope + extension.name
    for service in proto.service:
        yield scope + service.name
        yield from (f"{scope}{service.name}.{method.name}" for method in service.method)


def _symbols_of_message(message: DescriptorProto, scope: str) -> Iterator[str]:
    name = scope + message.name
    yield name
    yield from (f"{name}.{member.name}" for member in (*message.field, *message.extension))
    yield from (f"{name}.{member.name}" for member in message.oneof_decl)
    for enum in message.enum_type:
        yield from _symbols_of_enum(enum, name + ".")
    for nested in message.nested_type:
        yield from _symbols_of_message(nested, name + ".")


def _symbols_of_enum(enum: EnumDescriptorProto, scope: str) -> Iterator[str]:
    yield scope + enum.name
    # Values are siblings of their enum, as in C++.
    yield from (scope + value.name for value in enum.value)


def _extensions(proto: FileDescriptorProto | DescriptorProto) -> Iterator[tuple[str, int]]:
    for extension in proto.extension:
        yield extension.extendee.lstrip("."), extension.number
    nested = proto.message_type if isinstance(proto, FileDescriptorProto) else proto.nested_type
    for message in nested:
        yield from _extensions(message)

"""The contract as tests read it: every method, message and enum of both modules with its options and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

from aviary.options.v1.method_policy_pb2 import MethodPolicy, policy

ROOT = Path(__file__).resolve().parents[2]
VERBS = ("get", "put", "post", "delete", "patch")
INTEGERS = {FieldDescriptorProto.TYPE_INT64, FieldDescriptorProto.TYPE_INT32}


@dataclass(frozen=True)
class Method:
    """An RPC. `package` is such as "aviary.tweet.v1"."""

    package: str
    service: str
    proto: MethodDescriptorProto
    request: DescriptorProto
    response: DescriptorProto

    def __str__(self) -> str:
        return f"{self.package}.{self.service}.{self.proto.name}"

    @property
    def name(self) -> str:
        return self.proto.name

    @property
    def is_public(self) -> bool:
        return ".internal." not in self.package

    @property
    def policy(self) -> MethodPolicy:
        return self.proto.options.Extensions[policy]


@dataclass(frozen=True)
class Route:
    """An HTTP binding of a method."""

    verb: str
    path: str
    body: str
    method: Method
    is_alias: bool

    @property
    def shape(self) -> str:
        """The path with every variable blanked."""
        return re.sub(r"\{[^}]*\}", "{}", self.path)

    @property
    def variables(self) -> list[str]:
        return re.findall(r"\{([^}=]*)[^}]*\}", self.path)


@dataclass(frozen=True)
class Commented:
    """Something of the public module that a reader looks up, and its comment."""

    name: str
    comment: str


@cache
def files() -> tuple[FileDescriptorProto, ...]:
    """Our files of both modules, as reflection serves them."""
    everything = FileDescriptorSet.FromString((ROOT / "generated/reflection.binpb").read_bytes())
    return tuple(file for file in everything.file if file.package.startswith("aviary."))


@cache
def messages() -> dict[str, DescriptorProto]:
    """Every message by full name with a leading dot, as fields name their types."""
    return {
        f".{file.package}.{name}": message
        for file in files()
        for top in file.message_type
        for name, message in _with_nested(top.name, top)
    }


@cache
def enums() -> dict[str, EnumDescriptorProto]:
    """Every enum outside messages, by full name with a leading dot."""
    return {f".{file.package}.{enum.name}": enum for file in files() for enum in file.enum_type}


@cache
def methods() -> tuple[Method, ...]:
    """Every RPC of every service."""
    found = [
        Method(file.package, service.name, proto, messages()[proto.input_type], messages()[proto.output_type])
        for file in files()
        for service in file.service
        for proto in service.method
    ]
    assert found
    return tuple(found)


@cache
def routes() -> tuple[Route, ...]:
    """Every HTTP binding, aliases included."""
    found = []
    for method in methods():
        canonical = method.proto.options.Extensions[annotations_pb2.http]
        for rule in (canonical, *canonical.additional_bindings):
            found += [Route(*_pattern(rule), rule.body, method, False)] if rule.WhichOneof("pattern") else []
        for first in method.policy.aliases:
            for rule in (first, *first.additional_bindings):
                found.append(Route(*_pattern(rule), rule.body, method, True))
    return tuple(found)


def field_of(message: DescriptorProto, path: str) -> FieldDescriptorProto:
    """The field that a path such as "user.user_id" names. Raises KeyError."""
    first, _, rest = path.partition(".")
    field = {field.name: field for field in message.field}[first]
    return field_of(messages()[field.type_name], rest) if rest else field


def public_elements() -> Iterator[Commented]:
    """Services, RPCs, messages, fields, enums and values of the public module with their comments."""
    for file in files():
        if ".internal." in file.package or file.package == "aviary.events.v1":
            continue
        comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
        for path, name in _elements(file):
            yield Commented(f"{file.package}.{name}", comments.get(path, ""))


def comment_of_enum_value(enum_name: str, value_name: str) -> str:
    """The comment above a value of an enum outside messages."""
    for file in files():
        for index, enum in enumerate(file.enum_type):
            if f".{file.package}.{enum.name}" != enum_name:
                continue
            path = [5, index, 2, [value.name for value in enum.value].index(value_name)]
            return next(
                place.leading_comments.strip() for place in file.source_code_info.location if list(place.path) == path
            )
    raise KeyError(enum_name)


def _pattern(rule: object) -> tuple[str, str]:
    verb = rule.WhichOneof("pattern")  # type: ignore[attr-defined]  # google.api ships no types
    assert verb in VERBS
    return verb, getattr(rule, verb)


def _with_nested(name: str, message: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    yield name, message
    for nested in message.nested_type:
        yield from _with_nested(f"{name}.{nested.name}", nested)


def _elements(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for i, message in enumerate(file.message_type):
        yield (4, i), message.name
        for j, field in enumerate(message.field):
            yield (4, i, 2, j), f"{message.name}.{field.name}"
    for i, enum in enumerate(file.enum_type):
        yield (5, i), enum.name
        for j, value in enumerate(enum.value):
            if value.number:  # the zero of an enum says nothing
                yield (5, i, 2, j), f"{enum.name}.{value.name}"
    for i, service in enumerate(file.service):
        yield (6, i), service.name
        for j, method in enumerate(service.method):
            yield (6, i, 2, j), f"{service.name}.{method.name}"

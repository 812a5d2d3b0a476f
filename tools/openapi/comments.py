"""What the authors of a contract wrote beside its parts: a set with source info has it, the pool made of it has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

_PARTS = frozenset({"service", "method", "message_type", "nested_type", "field", "enum_type", "value"})


def comments_of(files: FileDescriptorSet) -> Mapping[str, str]:
    """The comment before each service, method, message, field, enum and value, by full name; none for an empty one.

    The full name of a value is that of its enum, a dot and its own.
    """
    found: dict[str, str] = {}
    for file in files.file:
        for location in file.source_code_info.location:
            name = _full_name(file, location.path)
            text = "\n".join(line.strip() for line in location.leading_comments.strip().splitlines())
            if name and text:
                found[name] = text
    return found


def _full_name(file: FileDescriptorProto, path: Sequence[int]) -> str:
    """The name of what stands at a path of numbers and indexes; "" for what is no part of its own."""
    part: Any = file
    names = [file.package] if file.package else []
    for number, index in zip(path[::2], path[1::2], strict=False):
        kind = part.DESCRIPTOR.fields_by_number[number].name
        if kind not in _PARTS:
            return ""
        part = getattr(part, kind)[index]
        names.append(part.name)
    return ".".join(names) if len(path) >= 2 and len(path) % 2 == 0 else ""

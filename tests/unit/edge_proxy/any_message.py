"""Hypothesis strategies for messages of any type, built from descriptors: every kind of field, and the odd values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from hypothesis import strategies as st

F = FieldDescriptor
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
MASK_PATH = st.from_regex(re.compile(r"[a-z]{1,5}(_[a-z]{1,5}){0,2}(\.[a-z]{1,5}(_[a-z]{1,5})?)?"), fullmatch=True)
MOST_DEPTH = 3

SCALARS: Mapping[int, st.SearchStrategy[Any]] = {
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_STRING: TEXT,
    F.TYPE_BYTES: st.binary(max_size=20),
    # JSON has one NaN, floats have many.
    F.TYPE_DOUBLE: st.floats(allow_nan=False) | st.just(math.nan),
    F.TYPE_FLOAT: st.floats(width=32, allow_nan=False) | st.just(math.nan),
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), st.integers(-(2**31), 2**31 - 1)),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), st.integers(-(2**63), 2**63 - 1)),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), st.integers(0, 2**32 - 1)),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), st.integers(0, 2**64 - 1)),
}


IN_AN_ANY = (
    *("google.protobuf.Timestamp", "google.protobuf.Struct", "google.protobuf.Int64Value", "google.protobuf.Empty"),
    *("kinds.v1.Kinds", "acme.shapes.Node"),
)


def messages(pool: DescriptorPool, name: str, *, with_unknown_enums: bool = True) -> st.SearchStrategy[Message]:
    """Messages of a type; what an Any in them holds are types of the pool as well."""
    descriptor = pool.FindMessageTypeByName(name)

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        message: Message = _Builder(pool, draw, with_unknown_enums=with_unknown_enums).message(descriptor, 0)
        return message

    return build()


def _found(pool: DescriptorPool, name: str) -> Descriptor | None:
    try:
        return pool.FindMessageTypeByName(name)
    except KeyError:
        return None


class _Builder:
    def __init__(self, pool: DescriptorPool, draw: st.DrawFn, *, with_unknown_enums: bool) -> None:
        self._with_unknown_enums = with_unknown_enums
        self._pool = pool
        self._draw = draw
        self._special: Mapping[str, Callable[[Any, int], None]] = {
            "google.protobuf.Any": self._any,
            "google.protobuf.Duration": self._duration,
            "google.protobuf.FieldMask": self._mask,
            "google.protobuf.ListValue": self._list,
            "google.protobuf.Struct": self._struct,
            "google.protobuf.Timestamp": self._timestamp,
            "google.protobuf.Value": self._value,
        }

    def message(self, descriptor: Descriptor, depth: int) -> Any:
        message: Any = message_factory.GetMessageClass(descriptor)()
        self.fill(message, depth)
        return message

    def fill(self, message: Any, depth: int) -> None:
        """Some of the fields; the deeper, the fewer."""
        descriptor = message.DESCRIPTOR
        special = self._special.get(descriptor.full_name)
        if special is not None:
            special(message, depth)
            return
        required = [field for field in descriptor.fields if field.is_required]
        most = 12 if depth == 0 else 4 - depth
        chosen = (
            self._draw(st.lists(st.sampled_from(list(descriptor.fields)), max_size=most)) if descriptor.fields else []
        )
        for field in [*required, *chosen]:
            self._field(message, field, depth)

    def _field(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        held = field.message_type
        if held is not None and depth >= MOST_DEPTH:
            return
        if held is not None and field.is_repeated and held.GetOptions().map_entry:
            self._map(getattr(message, field.name), held, depth)
        elif field.is_repeated:
            for _ in range(self._draw(st.integers(0, 3))):
                if held is not None:
                    self.fill(getattr(message, field.name).add(), depth + 1)
                else:
                    getattr(message, field.name).append(self._scalar(field))
        elif held is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self.fill(inner, depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _map(self, entries: Any, entry: Descriptor, depth: int) -> None:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        for _ in range(self._draw(st.integers(0, 3))):
            if value.message_type is not None:
                self.fill(entries[self._scalar(key)], depth + 1)
            else:
                entries[self._scalar(key)] = self._scalar(value)

    def _scalar(self, field: FieldDescriptor) -> Any:
        if field.enum_type is None:
            return self._draw(SCALARS[field.type])
        known = st.sampled_from([value.number for value in field.enum_type.values])
        is_null = field.enum_type.full_name == "google.protobuf.NullValue"
        if is_null or field.enum_type.is_closed or not self._with_unknown_enums:
            return self._draw(known)
        return self._draw(known | st.integers(-(2**31), 2**31 - 1))

    def _timestamp(self, message: Any, _depth: int) -> None:
        message.seconds = self._draw(st.integers(-62135596800, 253402300799))
        message.nanos = self._draw(st.integers(0, 999_999_999) | st.sampled_from([0, 1_000_000, 120_000, 999_000_000]))

    def _duration(self, message: Any, _depth: int) -> None:
        sign = self._draw(st.sampled_from([1, -1]))
        message.seconds = sign * self._draw(st.integers(0, 315_576_000_000 - 1))
        message.nanos = sign * self._draw(st.integers(0, 999_999_999) | st.sampled_from([0, 5_000_000, 7_000]))

    def _mask(self, message: Any, _depth: int) -> None:
        message.paths.extend(self._draw(st.lists(MASK_PATH, max_size=3)))

    def _struct(self, message: Any, depth: int) -> None:
        for key in self._draw(st.lists(TEXT, max_size=3)):
            self._value(message.fields[key], depth + 1)

    def _list(self, message: Any, depth: int) -> None:
        for _ in range(self._draw(st.integers(0, 3))):
            self._value(message.values.add(), depth + 1)

    def _value(self, message: Any, depth: int) -> None:
        kinds = ["null", "number", "string", "bool"] + (["struct", "list"] if depth < MOST_DEPTH else [])
        match self._draw(st.sampled_from(kinds)):
            case "null":
                message.null_value = 0
            case "number":
                message.number_value = self._draw(FINITE)
            case "string":
                message.string_value = self._draw(TEXT)
            case "bool":
                message.bool_value = self._draw(st.booleans())
            case "struct":
                message.struct_value.SetInParent()
                self._struct(message.struct_value, depth + 1)
            case "list":
                message.list_value.SetInParent()
                self._list(message.list_value, depth + 1)

    def _any(self, message: Any, depth: int) -> None:
        held = self._draw(st.sampled_from([each for name in IN_AN_ANY if (each := _found(self._pool, name))]))
        inner = self.message(held, depth + 1)
        message.Pack(inner, deterministic=True)

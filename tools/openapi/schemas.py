"""Messages and enums as JSON Schema, in the forms that the edge reads and writes (ProtoJSON)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from edge_proxy.fields import WRAPPERS, enum_of, held_by, is_map, is_message, is_null_enum
from tools.openapi.constraints import Schema, constraints, rules_of

_F = FieldDescriptor
_NO_NUMBER: Schema = {"enum": ["NaN", "Infinity", "-Infinity"]}
_SCALARS: Mapping[int, Schema] = {
    _F.TYPE_BOOL: {"type": "boolean"},
    _F.TYPE_STRING: {"type": "string"},
    _F.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _F.TYPE_DOUBLE: {"oneOf": [{"type": "number", "format": "double"}, _NO_NUMBER]},
    _F.TYPE_FLOAT: {"oneOf": [{"type": "number", "format": "float"}, _NO_NUMBER]},
    **{kind: {"type": "integer", "format": "int32"} for kind in (_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32)},
    **{kind: {"type": "integer", "format": "uint32", "minimum": 0} for kind in (_F.TYPE_UINT32, _F.TYPE_FIXED32)},
    # JSON has no whole numbers beyond 2^53: these are strings.
    **{kind: {"type": "string", "format": "int64"} for kind in (_F.TYPE_INT64, _F.TYPE_SINT64, _F.TYPE_SFIXED64)},
    **{kind: {"type": "string", "format": "uint64"} for kind in (_F.TYPE_UINT64, _F.TYPE_FIXED64)},
}
_WELL_KNOWN: Mapping[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Value": {},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "additionalProperties": True,
    },
}
_BEHAVIOR = field_behavior_pb2.FieldBehavior


class Schemas:
    """The schemas of a contract; `components` grows by every message and enum that is asked for, by full name."""

    def __init__(self, comments: Mapping[str, str]) -> None:
        self.comments = comments
        self.components: dict[str, Schema] = {}

    def of(self, message: Descriptor) -> Schema:
        """What refers to a message, or the form of its own that a well-known one has."""
        name = message.full_name
        if name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[name])
        if name in WRAPPERS:
            return self._value(message.fields_by_name["value"])
        if name not in self.components:
            # A type may hold itself.
            self.components[name] = {}
            self.components[name] = self.inline(message)
        return _reference(name)

    def inline(self, message: Descriptor, *, without: Collection[str] = ()) -> Schema:
        """The schema of a message itself, but for some of its fields."""
        fields = [field for field in message.fields if field.name not in without]
        schema: Schema = {"type": "object"}
        if message.full_name in self.comments:
            schema["description"] = self.comments[message.full_name]
        schema["properties"] = {field.json_name: self.of_field(field) for field in fields}
        required = [field.json_name for field in fields if is_required(field)]
        if required:
            schema["required"] = required
        return schema

    def of_field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field with all that its contract says of it."""
        schema = self.bare(field)
        if field.full_name in self.comments:
            schema["description"] = self.comments[field.full_name]
        behavior = _behavior(field)
        if _BEHAVIOR.OUTPUT_ONLY in behavior:
            schema["readOnly"] = True
        if _BEHAVIOR.INPUT_ONLY in behavior:
            schema["writeOnly"] = True
        if field.GetOptions().deprecated:
            schema["deprecated"] = True
        return schema

    def bare(self, field: FieldDescriptor) -> Schema:
        """The schema of a field's values: their form and the rules for them."""
        rules = constraints(rules_of(field))
        if is_map(field):
            held = self._value(held_by(field).fields_by_name["value"]) | rules.pop("additionalProperties", {})
            return {"type": "object", "additionalProperties": held, **rules}
        if field.is_repeated:
            items = self._value(field) | rules.pop("items", {})
            return {"type": "array", "items": items, **rules}
        return self._value(field) | rules

    def _value(self, field: FieldDescriptor) -> Schema:
        """The form of one value of a field."""
        if is_message(field):
            return self.of(held_by(field))
        if is_null_enum(field):
            return {"type": "null"}
        if field.type == _F.TYPE_ENUM:
            return self._enum(enum_of(field))
        return dict(_SCALARS[field.type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        if enum.full_name not in self.components:
            schema: Schema = {"type": "string", "enum": [value.name for value in enum.values]}
            told = [self.comments[enum.full_name]] if enum.full_name in self.comments else []
            values = [(value.name, self.comments.get(f"{enum.full_name}.{value.name}", "")) for value in enum.values]
            lines = [f"- `{name}`: {' '.join(comment.split())}" for name, comment in values if comment]
            if lines:
                told.append("\n".join(lines))
            if told:
                schema["description"] = "\n\n".join(told)
            self.components[enum.full_name] = schema
        return _reference(enum.full_name)


def is_required(field: FieldDescriptor) -> bool:
    """Whether a request without it is refused."""
    return _BEHAVIOR.REQUIRED in _behavior(field) or bool(rules_of(field).required)


def _behavior(field: FieldDescriptor) -> Any:  # noqa: ANN401 - numbers of FieldBehavior
    return field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}

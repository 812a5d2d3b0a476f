"""Fields as clients name them: by camelCase, snake_case or json_name, and by dotted paths of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

MESSAGE_KINDS = frozenset({FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_GROUP})
WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
)
# These have a JSON form of their own: they are read and written whole.
WELL_KNOWN = WRAPPERS | {
    f"google.protobuf.{kind}" for kind in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
}


class BadField(ValueError):
    """A value that does not fit its field. `path` grows at the front on its way out of nested messages."""

    def __init__(self, description: str, *path: str) -> None:
        super().__init__(description)
        self.description = description
        self.path = list(path)

    @property
    def where(self) -> str:
        """The field as JSON names it: "user.displayName", "items[2].id"."""
        return "".join(part if part.startswith("[") else f".{part}" for part in self.path).removeprefix(".")


def within(where: str, read: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - whatever `read` takes
    """Call `read`; a BadField that it raises says that it is at `where`."""
    try:
        read(*arguments)
    except BadField as bad:
        bad.path.insert(0, where)
        raise


class UnknownField(LookupError):
    """No field of that name."""


def fields_by_any_name(message: Descriptor) -> Mapping[str, FieldDescriptor]:
    """Every field under each name a client may use. A json_name goes before another field's own name."""
    names: dict[str, FieldDescriptor] = {}
    for spelling in ("json_name", "name", "camelcase_name"):
        for field in message.fields:
            names.setdefault(getattr(field, spelling), field)
    return names


def names_of(field: FieldDescriptor) -> frozenset[str]:
    """The names that mean this field."""
    assert field.containing_type is not None
    named = fields_by_any_name(field.containing_type)
    return frozenset(name for name, each in named.items() if each.number == field.number)


def resolve(message: Descriptor, names: tuple[str, ...]) -> tuple[FieldDescriptor, ...]:
    """The chain of fields that a dotted path names. Raises UnknownField."""
    chain: list[FieldDescriptor] = []
    for name in names:
        if chain and (chain[-1].is_repeated or not is_message(chain[-1])):
            raise UnknownField(".".join(names))
        field = fields_by_any_name(held_by(chain[-1]) if chain else message).get(name)
        if field is None:
            raise UnknownField(".".join(names))
        chain.append(field)
    return tuple(chain)


def held_by(field: FieldDescriptor) -> Descriptor:
    """The type of the messages that a field holds."""
    assert field.message_type is not None
    return field.message_type


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    """The type of the values that an enum field holds."""
    assert field.enum_type is not None
    return field.enum_type


def is_a(field: FieldDescriptor, *names: str) -> bool:
    """Whether the field holds messages of one of these types."""
    return is_message(field) and held_by(field).full_name in names


def is_map(field: FieldDescriptor) -> bool:
    """Whether it is a map; its entries are messages of `key` and `value`."""
    return bool(field.is_repeated and is_message(field) and held_by(field).GetOptions().map_entry)


def is_message(field: FieldDescriptor) -> bool:
    """Whether its values are messages."""
    return field.type in MESSAGE_KINDS


def is_output_only(field: FieldDescriptor) -> bool:
    """Whether only the server sets it: what clients send for it is read and ignored."""
    return field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def is_null_enum(field: FieldDescriptor) -> bool:
    """Whether it is the enum of which null is the one value."""
    return field.enum_type is not None and field.enum_type.full_name == "google.protobuf.NullValue"


def takes_null(field: FieldDescriptor) -> bool:
    """Whether null is a value of the field, and not "not set"."""
    return is_a(field, "google.protobuf.Value") or is_null_enum(field)


def shown(text: str) -> str:
    """A client's text as it may stand in a message: short, and free of what cannot be sent."""
    cut = text if len(text) <= 64 else text[:63] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)

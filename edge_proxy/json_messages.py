"""Fills messages from parsed JSON. What reads a message type is put together from its descriptor once, at start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from edge_proxy.fields import (
    BadField,
    fields_by_any_name,
    held_by,
    is_map,
    is_message,
    is_output_only,
    shown,
    takes_null,
    within,
)
from edge_proxy.json_text import deeper
from edge_proxy.json_values import from_json, text_from_json
from edge_proxy.json_well_known import well_known_reader
from edge_proxy.text_values import FromText, from_text

# Fills a message from a tree; the depth of a request is 0. Raises BadField.
MessageReader: TypeAlias = Callable[[Any, Any, int], None]
_Put: TypeAlias = Callable[[Any, Any, int], None]


@dataclass(frozen=True, slots=True)
class _Slot:
    field: FieldDescriptor
    put: _Put
    takes_null: bool
    is_output_only: bool
    oneof: str


class MessageReaders:
    """The readers of one pool. With `ignores_unknown`, keys that are no field are passed over."""

    def __init__(self, pool: DescriptorPool, *, ignores_unknown: bool) -> None:
        self._pool = pool
        self._ignores_unknown = ignores_unknown
        self._readers: dict[str, MessageReader] = {}

    def of(self, message: Descriptor) -> MessageReader:
        """What reads messages of a type."""
        name = message.full_name
        if name not in self._readers:
            self._readers[name] = self._stand_in(name)
            self._readers[name] = well_known_reader(message, self._pool, self.of) or self._regular(message)
        return self._readers[name]

    def _stand_in(self, name: str) -> MessageReader:
        """A type may hold itself: until its reader is made, this one is handed out."""

        def read(target: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message made at run time
            self._readers[name](target, tree, depth)

        return read

    def of_field(self, field: FieldDescriptor) -> Callable[[Any, Any], None]:
        """What reads the value of one field into the message that holds it."""
        slot = self._slot(field)

        def read(message: Any, tree: Any) -> None:  # noqa: ANN401 - JSON, and a message made at run time
            if tree is None and not slot.takes_null:
                return
            within(field.json_name, slot.put, message, tree, 0)

        return read

    def _regular(self, message: Descriptor) -> MessageReader:
        slots = {name: self._slot(field) for name, field in fields_by_any_name(message).items()}
        ignores_unknown = self._ignores_unknown

        def read(target: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message made at run time
            if type(tree) is not dict:
                raise BadField("must be an object")
            seen: set[int | str] = set()
            for key, value in tree.items():
                slot = slots.get(key)
                if slot is not None:
                    within(slot.field.json_name, _fill, slot, target, value, depth, seen)
                elif not ignores_unknown:
                    raise BadField("is not a field of this request", shown(key))

        return read

    def _slot(self, field: FieldDescriptor) -> _Slot:
        oneof = field.containing_oneof
        return _Slot(
            field=field,
            put=self._put(field),
            takes_null=not field.is_repeated and takes_null(field),
            is_output_only=is_output_only(field),
            oneof=oneof.name if oneof is not None and len(oneof.fields) > 1 else "",
        )

    def _put(self, field: FieldDescriptor) -> _Put:
        if is_map(field):
            return self._put_map(field)
        if is_message(field):
            read = self.of(held_by(field))
            return _put_messages(field, read) if field.is_repeated else _put_message(field, read)
        return _put_scalars(field) if field.is_repeated else _put_scalar(field)

    def _put_map(self, field: FieldDescriptor) -> _Put:
        name = field.name
        key_field, value_field = (held_by(field).fields_by_name[part] for part in ("key", "value"))
        read_key = _map_key(key_field)
        has_messages, nullable = is_message(value_field), takes_null(value_field)
        read_message = self.of(held_by(value_field)) if has_messages else None
        read_scalar = None if has_messages else from_json(value_field)

        def put_entry(entries: Any, text: str, value: Any, depth: int) -> None:  # noqa: ANN401 - as above
            key = read_key(text)
            if key in entries:
                raise BadField("is given twice")
            if value is None and not nullable:
                raise BadField("must not be null")
            if read_scalar is not None:
                entries[key] = read_scalar(value)
            elif read_message is not None:
                read_message(entries[key], value, deeper(depth))

        def put(message: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message made at run time
            if type(tree) is not dict:
                raise BadField("must be an object")
            entries = getattr(message, name)
            for text, value in tree.items():
                # An entry is a message around its value.
                within(f"[{shown(text)}]", put_entry, entries, text, value, deeper(depth))

        return put


def _fill(slot: _Slot, target: Any, value: Any, depth: int, seen: set[int | str]) -> None:  # noqa: ANN401 - as above
    if slot.field.number in seen:
        raise BadField("is given twice")
    seen.add(slot.field.number)
    if value is None and not slot.takes_null:
        return
    if slot.oneof:
        if slot.oneof in seen:
            raise BadField(f"must not be given beside another field of {slot.oneof}")
        seen.add(slot.oneof)
    slot.put(target, value, depth)
    if slot.is_output_only:
        target.ClearField(slot.field.name)


def _put_scalar(field: FieldDescriptor) -> _Put:
    name, read = field.name, from_json(field)

    def put(message: Any, value: Any, _depth: int) -> None:  # noqa: ANN401 - JSON, and a message made at run time
        setattr(message, name, read(value))

    return put


def _put_message(field: FieldDescriptor, read: MessageReader) -> _Put:
    name = field.name

    def put(message: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message made at run time
        inner = getattr(message, name)
        inner.SetInParent()
        read(inner, tree, deeper(depth))

    return put


def _put_scalars(field: FieldDescriptor) -> _Put:
    read = from_json(field)

    def add(items: Any, value: Any, _depth: int) -> None:  # noqa: ANN401 - JSON, and a list of a message
        items.append(read(value))

    return _put_list(field, add)


def _put_messages(field: FieldDescriptor, read: MessageReader) -> _Put:
    return _put_list(field, lambda items, value, depth: read(items.add(), value, deeper(depth)))


def _put_list(field: FieldDescriptor, add: _Put) -> _Put:
    name, nullable = field.name, takes_null(field)

    def add_one(items: Any, value: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a list of a message
        if value is None and not nullable:
            raise BadField("must not be null")
        add(items, value, depth)

    def put(message: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message made at run time
        if type(tree) is not list:
            raise BadField("must be an array")
        items = getattr(message, name)
        for position, value in enumerate(tree):
            within(f"[{position}]", add_one, items, value, depth)

    return put


def _map_key(field: FieldDescriptor) -> FromText:
    if field.type == FieldDescriptor.TYPE_STRING:
        return text_from_json
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _bool_key
    return from_text(field)


def _bool_key(text: str) -> bool:
    if text not in {"true", "false"}:
        raise BadField("must be true or false")
    return text == "true"

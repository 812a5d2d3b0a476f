"""Reads the well-known types out of parsed JSON: each has a form of its own (ProtoJSON)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool

from edge_proxy.fields import WELL_KNOWN, WRAPPERS, BadField, shown, within
from edge_proxy.json_text import Number, deeper
from edge_proxy.json_values import from_json, text_from_json
from edge_proxy.mask_paths import snake_path
from edge_proxy.text_values import finite_from_text

Reader: TypeAlias = Callable[[Any, Any, int], None]

_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_DURATION = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s", re.ASCII)
# "*" stands for everything, or for all entries (AIP-161).
_MASK_PATH = re.compile(r"(?:\w+|\*)(?:\.(?:\w+|\*))*", re.ASCII)


def well_known_reader(
    message: Descriptor, pool: DescriptorPool, reader_of: Callable[[Descriptor], Reader]
) -> Reader | None:
    """What reads a well-known type; None for any other. It raises BadField."""
    if message.full_name in WRAPPERS:
        return _wrapper(message)
    match message.full_name:
        case "google.protobuf.Value" | "google.protobuf.Struct" | "google.protobuf.ListValue":
            return _Dynamic(pool).reader(message.name)
        case "google.protobuf.Any":
            return _any(pool, reader_of)
        case "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask":
            from_text = text_reader(message)

            def read(target: Any, value: Any, _depth: int) -> None:  # noqa: ANN401 - JSON, and a message
                from_text(target, text_from_json(value))

            return read
    return None


def text_reader(message: Descriptor) -> Callable[[Any, str], None]:
    """What reads a Timestamp, Duration or FieldMask out of its text, in JSON and in URLs. It raises BadField."""
    match message.name:
        case "Timestamp":
            return lambda target, text: _by_library(target, text, _TIMESTAMP, "2026-01-31T12:00:00Z")
        case "Duration":
            return lambda target, text: _by_library(target, text, _DURATION, "1.5s")
        case _:
            return _field_mask


def _by_library(target: Any, text: str, form: re.Pattern[str], example: str) -> None:  # noqa: ANN401 - a message
    if not form.fullmatch(text):
        raise BadField(f"must be such as {example}")
    try:
        target.FromJsonString(text)
    except ValueError:
        raise BadField(f"must be such as {example}, and within range") from None


def _field_mask(target: Any, text: str) -> None:  # noqa: ANN401 - a message
    for path in text.split(",") if text else ():
        if not _MASK_PATH.fullmatch(path):
            raise BadField(f"{shown(path)!r} is no field path")
        target.paths.append(snake_path(path))


def _wrapper(message: Descriptor) -> Reader:
    read = from_json(message.fields_by_name["value"])

    def read_wrapper(target: Any, value: Any, _depth: int) -> None:  # noqa: ANN401 - JSON, and a message
        target.value = read(value)

    return read_wrapper


class _Dynamic:
    """Reads Value, Struct and ListValue, which hold each other."""

    def __init__(self, pool: DescriptorPool) -> None:
        number = pool.FindMessageTypeByName("google.protobuf.Value").fields_by_name["number_value"]
        self._number = finite_from_text(number)

    def reader(self, name: str) -> Reader:
        """The reader of one of the three."""
        return {"Value": self.value, "Struct": self.struct, "ListValue": self.items}[name]

    def value(self, target: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message
        kind = type(tree)
        if kind is dict:
            target.struct_value.SetInParent()
            self.struct(target.struct_value, tree, deeper(depth))
        elif kind is list:
            target.list_value.SetInParent()
            self.items(target.list_value, tree, deeper(depth))
        elif kind is Number:
            target.number_value = self._number(tree.text)
        elif kind is str:
            target.string_value = text_from_json(tree)
        elif kind is bool:
            target.bool_value = tree
        else:
            target.null_value = 0

    def struct(self, target: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message
        if type(tree) is not dict:
            raise BadField("must be an object")
        for key, value in tree.items():
            # Between the two stands the entry of the map.
            within(f"[{shown(key)}]", self._entry, target.fields, key, value, deeper(depth, 2))

    def _entry(self, entries: Any, key: str, value: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message
        self.value(entries[text_from_json(key)], value, depth)

    def items(self, target: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message
        if type(tree) is not list:
            raise BadField("must be an array")
        for position, value in enumerate(tree):
            within(f"[{position}]", self.value, target.values.add(), value, deeper(depth))


def _any(pool: DescriptorPool, reader_of: Callable[[Descriptor], Reader]) -> Reader:
    def read(target: Any, tree: Any, depth: int) -> None:  # noqa: ANN401 - JSON, and a message
        if type(tree) is not dict:
            raise BadField("must be an object")
        if not tree:
            return
        url = tree.get("@type")
        if type(url) is not str:
            raise BadField("must be the name of a message type", "@type")
        try:
            descriptor = pool.FindMessageTypeByName(url.rpartition("/")[2])
        except KeyError:
            raise BadField(f"{shown(url)!r} is no message type known here", "@type") from None
        inner = message_factory.GetMessageClass(descriptor)()
        rest = {key: value for key, value in tree.items() if key != "@type"}
        if descriptor.full_name in WELL_KNOWN:
            if rest.keys() != {"value"}:
                raise BadField("must have the fields @type and value")
            rest = rest["value"]
        # What is inside is bytes to the outer message, but is read here as deep as it looks.
        reader_of(descriptor)(inner, rest, deeper(depth))
        target.type_url = text_from_json(url)
        target.value = inner.SerializeToString(deterministic=True)

    return read

"""Scalars as URLs have them, and as JSON has them in quotes: whole numbers, floats, base64, enum names."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from edge_proxy.fields import BadField, enum_of, is_null_enum, shown

Scalar: TypeAlias = bool | int | float | str | bytes
FromText: TypeAlias = Callable[[str], Scalar]

_INTEGER = re.compile(r"(-?)0*([0-9]{1,20})", re.ASCII)
_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_BASE64 = re.compile(r"([A-Za-z0-9+/_-]*)(={0,2})", re.ASCII)
_SPECIAL_FLOATS: Mapping[str, float] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BOOLS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "T", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "F", "0"), False),
}
# The largest double that still rounds to a finite float.
_LARGEST_FLOAT = 3.4028235677973366e38
_LONGEST_NUMBER = 1_000

_F = FieldDescriptor
INTEGER_BOUNDS: Mapping[int, tuple[int, int]] = {
    **dict.fromkeys((_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32), (-(2**31), 2**31 - 1)),
    **dict.fromkeys((_F.TYPE_INT64, _F.TYPE_SINT64, _F.TYPE_SFIXED64), (-(2**63), 2**63 - 1)),
    **dict.fromkeys((_F.TYPE_UINT32, _F.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((_F.TYPE_UINT64, _F.TYPE_FIXED64), (0, 2**64 - 1)),
}


def from_text(field: FieldDescriptor) -> FromText:
    """What reads a value of a scalar field out of a URL. It raises BadField."""
    if field.type in INTEGER_BOUNDS:
        return integer_from_text(field)
    match field.type:
        case _F.TYPE_BOOL:
            return _bool
        case _F.TYPE_DOUBLE | _F.TYPE_FLOAT:
            return float_from_text(field)
        case _F.TYPE_BYTES:
            return bytes_from_text
        case _F.TYPE_ENUM:
            return _enum_from_text(field)
        case _:
            return _same


def integer_from_text(field: FieldDescriptor) -> Callable[[str], int]:
    """What reads `-?[0-9]+` within the field's range. It raises BadField."""
    low, high = INTEGER_BOUNDS[field.type]

    def read(text: str) -> int:
        number = _INTEGER.fullmatch(text)
        if number is None:
            is_long = text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
            raise BadField(
                f"must be from {low} to {high}" if is_long else f"must be a whole number, not {shown(text)!r}"
            )
        value = int(number[1] + number[2])
        if not low <= value <= high:
            raise BadField(f"must be from {low} to {high}")
        return value

    return read


def float_from_text(field: FieldDescriptor) -> Callable[[str], float]:
    """What reads a decimal number, NaN, Infinity or -Infinity. It raises BadField."""

    def read(text: str) -> float:
        if text in _SPECIAL_FLOATS:
            return _SPECIAL_FLOATS[text]
        return number(text)

    number = finite_from_text(field)
    return read


def finite_from_text(field: FieldDescriptor) -> Callable[[str], float]:
    """What reads a decimal number that fits the field. It raises BadField."""
    largest = _LARGEST_FLOAT if field.type == _F.TYPE_FLOAT else math.inf

    def read(text: str) -> float:
        if len(text) > _LONGEST_NUMBER or not _FLOAT.fullmatch(text):
            raise BadField(f"must be a number, not {shown(text)!r}")
        value = float(text)
        if not abs(value) < largest:
            raise BadField("is too large a number")
        return value

    return read


def bytes_from_text(text: str) -> bytes:
    """Base64 of either alphabet, with or without padding. Raises BadField."""
    parts = _BASE64.fullmatch(text)
    if parts is None or (parts[2] and len(text) % 4):
        raise BadField("must be base64")
    try:
        return base64.b64decode(parts[1].replace("-", "+").replace("_", "/") + "=" * (-len(parts[1]) % 4))
    except binascii.Error:
        raise BadField("must be base64") from None


def enum_number(enum: EnumDescriptor, name: str) -> int:
    """The number of a value by its exact name. Raises BadField."""
    value = enum.values_by_name.get(name)
    if value is None:
        raise BadField(f"{shown(name)!r} is no value of {enum.name}")
    return int(value.number)


def _enum_from_text(field: FieldDescriptor) -> Callable[[str], int]:
    enum = enum_of(field)

    def read(text: str) -> int:
        if is_null and text == "null":
            return 0
        number = _INTEGER.fullmatch(text)
        if number is None:
            return enum_number(enum, text)
        value = int(number[1] + number[2])
        if value not in enum.values_by_number:
            raise BadField(f"{shown(text)} is no value of {enum.name}")
        return value

    is_null = is_null_enum(field)
    return read


def _bool(text: str) -> bool:
    if text not in _BOOLS:
        raise BadField(f"must be true or false, not {shown(text)!r}")
    return _BOOLS[text]


def _same(text: str) -> str:
    return text

"""Scalars out of parsed JSON, as ProtoJSON says where it is strict: no quoted bools, no unknown enum names."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from edge_proxy.fields import BadField, enum_of, is_null_enum
from edge_proxy.json_text import Number
from edge_proxy.text_values import (
    INTEGER_BOUNDS,
    Scalar,
    bytes_from_text,
    enum_number,
    finite_from_text,
    float_from_text,
    integer_from_text,
)

FromJson: TypeAlias = Callable[[Any], Scalar]

_F = FieldDescriptor
_INT32 = range(-(2**31), 2**31)
_LONGEST_FRACTION = 64


def from_json(field: FieldDescriptor) -> FromJson:
    """What reads a value of a scalar field out of a tree of json_text. It raises BadField."""
    if field.type in INTEGER_BOUNDS:
        return _integer(field)
    match field.type:
        case _F.TYPE_BOOL:
            return _bool
        case _F.TYPE_DOUBLE | _F.TYPE_FLOAT:
            return _float(field)
        case _F.TYPE_BYTES:
            return _bytes
        case _F.TYPE_ENUM:
            return _enum(field)
        case _:
            return text_from_json


def text_from_json(value: object) -> str:
    """A string that UTF-8 can carry. Raises BadField."""
    if type(value) is not str:
        raise BadField("must be a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadField("has half of a surrogate pair") from None
    return value


def _integer(field: FieldDescriptor) -> Callable[[object], int]:
    read = integer_from_text(field)

    def from_value(value: object) -> int:
        if type(value) is str:
            return read(value)
        if type(value) is not Number:
            raise BadField("must be a whole number")
        text = value.text
        return read(_integral(text) if "." in text or "e" in text or "E" in text else text)

    return from_value


def _integral(text: str) -> str:
    """1.0 and 1e3 are whole numbers as well."""
    try:
        number = Decimal(text) if len(text) <= _LONGEST_FRACTION else Decimal("NaN")
        if number.is_finite() and number.adjusted() <= _LONGEST_FRACTION and number == number.to_integral_value():
            return str(int(number))
    except InvalidOperation:
        pass
    raise BadField("must be a whole number")


def _float(field: FieldDescriptor) -> Callable[[object], float]:
    from_number, from_string = finite_from_text(field), float_from_text(field)

    def from_value(value: object) -> float:
        if type(value) is Number:
            return from_number(value.text)
        if type(value) is str:
            return from_string(value)
        raise BadField("must be a number")

    return from_value


def _bool(value: object) -> bool:
    if type(value) is not bool:
        raise BadField("must be true or false")
    return value


def _bytes(value: object) -> bytes:
    if type(value) is not str:
        raise BadField("must be base64 in a string")
    return bytes_from_text(value)


def _enum(field: FieldDescriptor) -> Callable[[object], int]:
    enum = enum_of(field)
    is_null = is_null_enum(field)

    def from_value(value: object) -> int:
        if type(value) is str:
            return enum_number(enum, value)
        if value is None and is_null:
            return 0
        if type(value) is not Number:
            raise BadField(f"must be a name of {enum.name}")
        number = _whole_number(value.text)
        if number not in (enum.values_by_number if enum.is_closed else _INT32):
            raise BadField(f"is no value of {enum.name}")
        return number

    return from_value


def _whole_number(text: str) -> int:
    digits = text if text.removeprefix("-").isdigit() else _integral(text)
    if len(digits) > 20:
        raise BadField("is out of range")
    return int(digits)

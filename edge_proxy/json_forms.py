"""The JSON forms that ProtoJSON gives to single values and to the well-known types, on the way out."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.type_checkers import ToShortestFloat

from edge_proxy.fields import WELL_KNOWN
from edge_proxy.mask_paths import camel_path

# A message to what orjson writes: dict, list, str, int, float, bool, None.
Form: TypeAlias = Callable[[Any], Any]

# Tweets and people are shown again and again: their times are written once.
MOST_TIMES = 8_192


def base64_text(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode()


def double_form(value: float) -> float | str:
    """A number, or the name of what is none."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def float_form(value: float) -> float | str:
    """As a double, with the fewest digits that mean the same 32 bits."""
    return float(ToShortestFloat(value)) if math.isfinite(value) else double_form(value)


def well_known_form(message: Descriptor) -> Form | None:
    """The form of a well-known type other than wrappers and Any; None for every other type."""
    if message.full_name == "google.protobuf.Timestamp":
        text = lru_cache(MOST_TIMES)(_time_text)
        return lambda value: text(value.seconds, value.nanos)
    forms: Mapping[str, Form] = {
        "google.protobuf.Duration": lambda value: value.ToJsonString(),
        "google.protobuf.FieldMask": lambda value: ",".join(map(camel_path, value.paths)),
        "google.protobuf.ListValue": _list_form,
        "google.protobuf.Struct": _struct_form,
        "google.protobuf.Value": _value_form,
    }
    return forms.get(message.full_name)


def any_form(pool: DescriptorPool, form_of: Callable[[Descriptor], Form]) -> Form:
    """The form of an Any whose content is a type of the pool. It raises ValueError for other contents."""

    def form(message: Any) -> dict[str, Any]:  # noqa: ANN401 - a message made at run time
        if not message.type_url:
            return {}
        try:
            descriptor = pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
        except KeyError:
            raise ValueError(f"the answer holds a {message.type_url}, which is not in the descriptors") from None
        inner = form_of(descriptor)(message_factory.GetMessageClass(descriptor).FromString(message.value))
        if descriptor.full_name in WELL_KNOWN:
            return {"@type": message.type_url, "value": inner}
        return {"@type": message.type_url, **inner}

    return form


def extendable_form(pool: DescriptorPool) -> Form:
    """The form of a proto2 message that may have extensions: rare, so left to the library."""
    return lambda message: json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=pool
    )


def _time_text(seconds: int, nanos: int) -> str:
    """RFC 3339 in UTC, with 0, 3, 6 or 9 digits of a second. Raises ValueError outside the years 1 to 9999."""
    try:
        whole = (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat()  # noqa: DTZ001 - UTC, written as Z
    except OverflowError:
        raise ValueError(f"{seconds} s is no time of a Timestamp") from None
    if not 0 <= nanos < 1_000_000_000:
        raise ValueError(f"{nanos} ns is no part of a second")
    if nanos % 1_000:
        return f"{whole}.{nanos:09d}Z"
    if nanos % 1_000_000:
        return f"{whole}.{nanos // 1_000:06d}Z"
    return f"{whole}.{nanos // 1_000_000:03d}Z" if nanos else f"{whole}Z"


def _struct_form(message: Any) -> dict[str, Any]:  # noqa: ANN401 - a message made at run time
    return {key: _value_form(value) for key, value in message.fields.items()}


def _list_form(message: Any) -> list[Any]:  # noqa: ANN401 - a message made at run time
    return [_value_form(value) for value in message.values]


def _value_form(message: Any) -> Any:  # noqa: ANN401 - JSON, and a message made at run time
    match message.WhichOneof("kind"):
        case "struct_value":
            return _struct_form(message.struct_value)
        case "list_value":
            return _list_form(message.list_value)
        case "number_value":
            if not math.isfinite(message.number_value):
                raise ValueError("a number of a Value must be finite")
            return message.number_value
        case "string_value":
            return message.string_value
        case "bool_value":
            return message.bool_value
    return None

"""JSON text to a tree, stricter than the standard library: UTF-8 without a mark, no key twice, no NaN.

Numbers stay text, so that no digit of a 64-bit id is lost and none of 5,000 costs anything.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, NoReturn

from edge_proxy.fields import BadField, shown

# Messages inside the message of the request: what protobuf itself takes. One more, and a service cannot read it.
MOST_DEPTH = 100


def deeper(depth: int, by: int = 1) -> int:
    """The depth of a message inside another. Raises BadField when a service could not read it any more."""
    if depth + by > MOST_DEPTH:
        raise BadField(f"is nested deeper than {MOST_DEPTH} messages")
    return depth + by


class Number(NamedTuple):
    """A number as it was written."""

    text: str


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON is what it is
    """The tree: dict, list, str, bool, None and Number. Raises BadField."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadField("the body is not UTF-8") from None
    try:
        return json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        at = f"line {error.lineno} column {error.colno}"
        raise BadField(f"the body is not JSON: {error.msg.split(' (')[0].lower()} at {at}") from None
    except RecursionError:
        raise BadField(f"the body is nested deeper than {MOST_DEPTH}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BadField("is given twice", shown(key))
            seen.add(key)
    return tree


def _refuse_constant(text: str) -> NoReturn:
    raise BadField(f"the body is not JSON: {text} is not part of it")

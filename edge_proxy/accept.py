"""What a client takes, from Accept and Accept-Encoding (RFC 9110, 12.5). What cannot be read in them is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

# Few headers are in use, and each is read with every request.
MOST_REMEMBERED = 1_000
_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


@lru_cache(MOST_REMEMBERED)
def best_type(accept: str, offered: Sequence[str]) -> str:
    """Of the media types that can be had, the one that is liked best; "" when none will do.

    Types that are named go before those that a wildcard lets in; then the higher weight, then the client's own order.
    Without a header, the first that is offered.
    """
    ranges = list(_weighted(accept))
    if not ranges:
        return offered[0]
    ranked = [(*_rank(kind, ranges), -place, kind) for place, kind in enumerate(offered)]
    _, weight, *_, best = max(ranked, key=lambda each: (each[1] > 0, each))
    return best if weight > 0 else ""


@lru_cache(MOST_REMEMBERED)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether an answer may be sent in gzip: it is named, or `*` is, with a weight above zero."""
    weights = dict(_weighted(accept_encoding))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _rank(kind: str, ranges: Sequence[tuple[str, float]]) -> tuple[bool, float, int]:
    """Of the narrowest range that holds a type: whether it is the type itself, its weight, and how early it stands."""
    for pattern in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        for position, (each, weight) in enumerate(ranges):
            if each == pattern:
                return pattern == kind, weight, -position
    return False, 0.0, 0


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for each in header.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = float(value) if _WEIGHT.fullmatch(value.strip()) else 0.0
        if name:
            yield name, weight

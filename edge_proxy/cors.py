"""Which pages of other origins may call: those that are listed, by their exact name. `*` is not to be had."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

HeaderList: TypeAlias = list[tuple[bytes, bytes]]

MAX_AGE_SECONDS = 7_200
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9._~%:\[\]-]+", re.ASCII)
# What a page may send beyond what any page may, and what it may read of an answer.
_SENT = (
    "Authorization, Content-Type, Grpc-Timeout, Idempotency-Key, If-None-Match, Last-Event-ID, Traceparent, Tracestate,"
    " X-Request-Id"
)
_READ = (
    "ETag, Idempotency-Replayed, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy,"
    " Retry-After, X-Request-Id"
)


def checked_origins(text: str) -> str:
    """The origins of a setting, separated by spaces, if each is one. Raises ValueError."""
    for each in text.split():
        if not _ORIGIN.fullmatch(each):
            raise ValueError(f"{each!r} is no origin; write each as https://host or https://host:port, in lower case")
    return text


class Cors:
    """The headers for pages of the origins that are allowed."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(allowed)

    def headers(self, origin: str) -> HeaderList:
        """What lets a page of this origin read an answer; nothing for others."""
        if origin not in self._allowed:
            return []
        return [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _READ.encode()),
        ]

    def preflight(self, origin: str, methods: str) -> HeaderList:
        """What lets a page of this origin send one of these methods (as Allow has them); nothing for others."""
        if origin not in self._allowed:
            return []
        return [
            (b"access-control-allow-methods", methods.encode()),
            (b"access-control-allow-headers", _SENT.encode()),
            (b"access-control-max-age", str(MAX_AGE_SECONDS).encode()),
        ]

"""One request as it goes over the wire, and what has to come of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NONE: Any = object()


@dataclass(frozen=True)
class Row:
    """`message` is what the service must get, in the text form of protobuf; `said` the JSON that must be answered.

    `reason` and `fields` are those of the error; `answered` are headers that the answer must have, None for must not.
    """

    name: str
    verb: str
    target: bytes
    body: bytes
    headers: Mapping[str, str]
    status: int
    method: str = ""
    message: str = ""
    said: Any = NONE
    raw: bytes | None = None
    reason: str = ""
    fields: list[str] = field(default_factory=list)
    answered: Mapping[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def good(
    name: str,
    line: str,
    method: str,
    message: str = "",
    body: object = b"",
    *,
    headers: Mapping[str, str] | None = None,
    said: Any = NONE,
    raw: bytes | None = None,
    answered: Mapping[str, str | None] | None = None,
    status: int = 200,
) -> Row:
    """A request that reaches a method; `line` is "VERB target"."""
    verb, target = _parts(line)
    return Row(
        name, verb, target, written(body), headers or {}, status, method, message, said, raw, answered=answered or {}
    )


def bad(name: str, line: str, field: str = "", body: object = b"", *, headers: Mapping[str, str] | None = None) -> Row:
    """A request that makes no message: 400, the field named unless the whole is at fault."""
    verb, target = _parts(line)
    fields = [field] if field else []
    return Row(name, verb, target, written(body), headers or {}, 400, reason="TRANSCODING_FAILED", fields=fields)


def refused(
    name: str,
    line: str,
    status: int,
    reason: str,
    body: object = b"",
    *,
    headers: Mapping[str, str] | None = None,
    answered: Mapping[str, str | None] | None = None,
) -> Row:
    """A request that HTTP itself says no to."""
    verb, target = _parts(line)
    return Row(name, verb, target, written(body), headers or {}, status, reason=reason, answered=answered or {})


def written(body: object) -> bytes:
    """Bytes as they are, text in UTF-8, anything else as JSON."""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _parts(line: str) -> tuple[str, bytes]:
    verb, _, target = line.partition(" ")
    return verb, target.encode("latin-1")

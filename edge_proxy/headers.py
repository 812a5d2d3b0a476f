"""Which headers pass, both ways: an allow-list, so that nothing a client sends can look like the mesh's own word."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_proxy.refusals import TooLarge
from mesh.errors import InvalidArgument

Metadata = tuple[tuple[str, str], ...]

MOST_HEADERS_BYTES = 16 * 1024
MOST_HEADERS = 100
# gRPC servers take 8 KiB of metadata; the rest of it is what gRPC itself sends.
MOST_FORWARDED_BYTES = 7 * 1024
# What HPACK counts for an entry besides its text (RFC 7541, 4.1).
ENTRY_BYTES = 32

_REQUEST_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TIMEOUT = re.compile(r"([0-9]{1,8})([HMSmun])", re.ASCII)
_UNIT_SECONDS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)

# As they come, as the services get them.
_FORWARDED = {
    b"authorization": "authorization",
    b"traceparent": "traceparent",
    b"tracestate": "tracestate",
    b"accept-language": "accept-language",
    b"user-agent": "x-client-user-agent",
}
_READ = {
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"x-request-id",
    b"x-forwarded-for",
    b"idempotency-key",
    b"if-none-match",
    b"grpc-timeout",
    b"accept",
    b"accept-encoding",
    b"origin",
    b"access-control-request-method",
    b"last-event-id",
}
# Two of these would mean two things.
_SINGLE = {
    b"authorization",
    b"idempotency-key",
    b"grpc-timeout",
    b"content-type",
    b"content-encoding",
    b"last-event-id",
}
_ANSWERED = frozenset({"etag", "cache-control", "location", "retry-after", "idempotency-replayed"})


@dataclass(frozen=True, slots=True)
class RequestHeaders:
    """The headers of a request that mean something here, decoded."""

    by_name: dict[bytes, str]
    request_id: str

    def text(self, name: bytes) -> str:
        """A header's value, "" when there is none."""
        return self.by_name.get(name, "")


# Of a request whose headers could not be read.
NO_HEADERS = RequestHeaders({}, "")


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The client's x-request-id when it is printable and short, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(text):
                return text
    return uuid.uuid4().hex


def read_headers(headers: Sequence[tuple[bytes, bytes]], request_id: str) -> RequestHeaders:
    """Raises TooLarge, and InvalidArgument for a second value where one is meant."""
    size = 0
    found: dict[bytes, str] = {}
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name not in _FORWARDED and name not in _READ:
            continue
        text = value.decode("latin-1").strip()
        if name not in found:
            found[name] = text
        elif name in _SINGLE:
            raise InvalidArgument("TRANSCODING_FAILED", f"send one {name.decode()} header")
        else:
            found[name] = f"{found[name]}, {text}"
    if size > MOST_HEADERS_BYTES or len(headers) > MOST_HEADERS:
        raise TooLarge.headers(MOST_HEADERS_BYTES)
    return RequestHeaders(found, request_id)


def metadata_of(headers: RequestHeaders, peer: str) -> Metadata:
    """What goes on to the service. Raises TooLarge when it would not take that much."""
    entries = [("x-request-id", headers.request_id)]
    for name, forwarded in _FORWARDED.items():
        value = headers.by_name.get(name)
        # gRPC metadata is printable ASCII; what is not is dropped.
        if value and _PRINTABLE.fullmatch(value):
            entries.append((forwarded, value))
    came_over = headers.text(b"x-forwarded-for")
    hops = [came_over] if came_over and _PRINTABLE.fullmatch(came_over) else []
    if peer:
        hops.append(peer)
    if hops:
        entries.append(("x-forwarded-for", ", ".join(hops)))
    key = headers.text(b"idempotency-key")
    if _IDEMPOTENCY_KEY.fullmatch(key):
        entries.append(("idempotency-key", key))
    if sum(len(name) + len(value) + ENTRY_BYTES for name, value in entries) > MOST_FORWARDED_BYTES:
        raise TooLarge.headers(MOST_FORWARDED_BYTES)
    return tuple(entries)


def idempotency_key(headers: RequestHeaders) -> str:
    """The key of a create, "" when there is none. Raises InvalidArgument for a malformed one."""
    key = headers.by_name.get(b"idempotency-key")
    if key is None:
        return ""
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidArgument.field(
            "Idempotency-Key", "must be 1 to 64 letters, digits, - or _", reason="TRANSCODING_FAILED"
        )
    return key


def timeout_seconds(headers: RequestHeaders, *, default: float, most: float) -> float:
    """How long the call may take. Raises InvalidArgument for a malformed grpc-timeout."""
    text = headers.by_name.get(b"grpc-timeout")
    if text is None:
        return default
    asked = _TIMEOUT.fullmatch(text)
    if asked is None:
        raise InvalidArgument.field(
            "grpc-timeout", "must be 1 to 8 digits and one of H M S m u n", reason="TRANSCODING_FAILED"
        )
    return min(int(asked[1]) * _UNIT_SECONDS[asked[2]], most)


def answer_headers(metadata: Iterable[tuple[str, str | bytes]]) -> list[tuple[bytes, bytes]]:
    """What of a service's initial metadata the client may see."""
    return [
        (name.encode(), value.encode("latin-1", "replace"))
        for name, value in metadata
        if (name in _ANSWERED or name.startswith("ratelimit-")) and isinstance(value, str)
    ]

"""How the messages of a server stream are written: as events, as lines, as one JSON array, or as they are.

Each form says what a client sees of a stream that failed after it began, when the status is long sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge_proxy.accept import best_type
from edge_proxy.fields import is_message
from edge_proxy.json_forms import Form
from edge_proxy.refusals import NotAcceptable

EVENTS, LINES, ARRAY = "text/event-stream", "application/x-ndjson", "application/json"
# The field of a message that says where a stream goes on after it.
POSITION_FIELD = "sort_id"
RETRY_MS = 3_000
UNKNOWN_TYPE = b"application/octet-stream"
_HEADER_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")

# Writes a message; the second says whether it is the first.
_Write = Callable[[Any, bool], bytes]


@dataclass(frozen=True, slots=True)
class StreamForm:
    """One way to write a stream; `content_type` is asked with the first message, or None.

    `failed` turns the JSON of an error into the end of the stream; without it the connection is cut, so that no client
    takes what it has for the whole. `goes_on` says that clients connect again by themselves: time that is up is an end.
    """

    content_type: Callable[[Any], bytes]
    write: _Write
    opening: bytes = b""
    closing: bytes = b""
    closing_of_none: bytes = b""
    keep_alive: bytes | None = None
    failed: Callable[[bytes], bytes] | None = None
    goes_on: bool = False


def stream_form(accept: str, form: Form, message: Descriptor) -> StreamForm:
    """The form that a client asks for: lines, unless it names another. Raises NotAcceptable."""
    match best_type(accept, (LINES, ARRAY, EVENTS)):
        case "application/x-ndjson":
            return StreamForm(
                _always(LINES), lambda each, _: b'{"result":' + orjson.dumps(form(each)) + b"}\n", failed=_line
            )
        case "application/json":
            return StreamForm(
                _always(ARRAY),
                lambda each, is_first: (b"[" if is_first else b",\n") + orjson.dumps(form(each)),
                closing=b"]",
                closing_of_none=b"[]",
            )
        case "text/event-stream":
            return StreamForm(
                _always(EVENTS),
                _events(form, message),
                opening=b"retry: %d\n\n" % RETRY_MS,
                keep_alive=b": keep-alive\n\n",
                failed=lambda error: b"event: error\ndata: " + error + b"\n\n",
                goes_on=True,
            )
    raise NotAcceptable((LINES, ARRAY, EVENTS))


def content_type_of(body: Any) -> bytes:  # noqa: ANN401 - a google.api.HttpBody made at run time
    """What a google.api.HttpBody says of its bytes. What a header cannot say is no type."""
    return body.content_type.encode() if _HEADER_TEXT.fullmatch(body.content_type) else UNKNOWN_TYPE


def raw_form(body_of: Callable[[Any], Any]) -> StreamForm:
    """The bytes of google.api.HttpBody one after the other; the first message says of what type they are."""
    return StreamForm(
        lambda first: content_type_of(body_of(first)) if first is not None else UNKNOWN_TYPE,
        lambda each, _: bytes(body_of(each).data),
    )


def _always(kind: str) -> Callable[[Any], bytes]:
    return lambda _: kind.encode()


def _line(error: bytes) -> bytes:
    return error + b"\n"


def _events(form: Form, message: Descriptor) -> _Write:
    position = message.fields_by_name.get(POSITION_FIELD)
    if position is None or position.is_repeated or is_message(position) or position.type == FieldDescriptor.TYPE_BYTES:
        return lambda each, _: b"data: " + orjson.dumps(form(each)) + b"\n\n"
    name = position.name

    def write(each: Any, _is_first: bool) -> bytes:  # noqa: ANN401, FBT001 - a message made at run time; as _Write
        place = getattr(each, name)
        # Zero and empty are no place: the client keeps the one it has. A line in it would be a field of the event.
        text = str(place) if place and not set("\r\n\0") & set(str(place)) else ""
        head = f"id: {text}\n".encode() if text else b""
        return head + b"data: " + orjson.dumps(form(each)) + b"\n\n"

    return write

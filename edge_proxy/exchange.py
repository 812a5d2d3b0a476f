"""One request on its way: its message, and what its answer says beside the message of the service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
from google.protobuf.message import EncodeError, Message

from edge_proxy.cors import HeaderList
from edge_proxy.fields import BadField
from edge_proxy.headers import NO_HEADERS, RequestHeaders, answer_headers, idempotency_key
from edge_proxy.http_errors import Answer
from edge_proxy.mask_paths import camel_path
from edge_proxy.path_template import PathTemplate
from edge_proxy.query_params import Parameter
from edge_proxy.request_decoder import HttpParts
from edge_proxy.route_table import Route
from edge_proxy.stream_forms import content_type_of
from mesh.errors import InvalidArgument

# What an answer depends on besides its URL.
_BY_FORM = b"Accept, Accept-Encoding, Origin"
_BY_CALLER = b"Authorization, " + _BY_FORM
# The aliases are deprecated since the contracts have paths of their own: 2026-01-01 (RFC 9745 wants a date).
DEPRECATED_SINCE = b"@1767225600"


@dataclass(slots=True)
class Exchange:
    """A request and its answer; what is not known yet is None."""

    request_id: str
    asked: RequestHeaders = field(default=NO_HEADERS)
    cors: HeaderList = field(default_factory=list)
    route: Route | None = None
    message: Message | None = field(default=None, repr=False)

    @property
    def service(self) -> str:
        """The service that answers."""
        return self.route.rpc.service if self.route is not None else ""

    def request(self, route: Route, parts: HttpParts, headers: RequestHeaders) -> tuple[bytes, bool]:
        """The request as bytes, and whether the call may be repeated. Raises InvalidArgument."""
        try:
            message = route.decoder.decode(parts)
            may_repeat = route.rpc.is_repeatable
            if route.takes_key:
                # A create is idempotent by its key alone.
                may_repeat = _fill_key(message, idempotency_key(headers)) and may_repeat
            if route.position is not None:
                _fill_position(message, route.position, headers.text(b"last-event-id"))
            self.message = message
            return _wire(message), may_repeat
        except BadField as bad:
            raise invalid(bad) from None

    def answer(self, route: Route, response: bytes, metadata: Iterable[tuple[str, str | bytes]]) -> Answer:
        """The answer of a call that succeeded."""
        message: Any = route.rpc.response.FromString(response)
        status, headers = route.policy.success_status, tuple(answer_headers(metadata))
        if route.has_raw_response:
            raw = route.raw_body(message)
            return Answer(status, raw.data, headers, content_type=content_type_of(raw))
        return Answer(status, orjson.dumps(route.form(message)), headers)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer has, and what an alias says of its successor."""
        is_private = self.route is not None and self.route.policy.is_private
        headers = [
            (b"x-request-id", self.request_id.encode()),
            (b"vary", _BY_CALLER if is_private else _BY_FORM),
            *self.cors,
        ]
        if self.route is not None and self.route.binding.is_alias:
            headers.append((b"deprecation", DEPRECATED_SINCE))
            successor = _successor(self.route.canonical, self.message)
            if successor:
                headers.append((b"link", f'<{successor}>; rel="successor-version"'.encode()))
        return headers


def invalid(bad: BadField) -> InvalidArgument:
    """What the client is told of a request that makes no message."""
    if bad.where:
        return InvalidArgument.field(bad.where, bad.description, reason="TRANSCODING_FAILED")
    return InvalidArgument("TRANSCODING_FAILED", bad.description)


def _wire(message: Message) -> bytes:
    try:
        return message.SerializeToString()
    except EncodeError:
        first, *_ = message.FindInitializationErrors()  # type: ignore[attr-defined]  # its stubs have it not
        raise BadField("is required", camel_path(first)) from None


def _fill_key(message: Any, key: str) -> bool:  # noqa: ANN401 - a message made at run time
    """Put the Idempotency-Key into request_id; whether the message has a key now."""
    if key:
        if message.request_id not in {"", key}:
            raise BadField("is not what the Idempotency-Key header says", "requestId")
        message.request_id = key
    return bool(message.request_id)


def _fill_position(message: Any, position: Parameter, last_event_id: str) -> None:  # noqa: ANN401 - as above
    """Go on behind the last event that the client has.

    It goes before what the URL says: a browser that connects again repeats the URL it began with.
    """
    if last_event_id:
        try:
            position.put(message, last_event_id)
        except BadField as bad:
            raise BadField(bad.description, "Last-Event-ID") from None


def _successor(canonical: Sequence[PathTemplate], message: Any) -> str:  # noqa: ANN401 - a message made at run time
    """The first path of the RPC's own that this message fills; "" when none."""
    if message is None:
        return ""
    for template in canonical:
        values = [_value(message, variable.fields) for variable in template.variables]
        if all(values) and all(variable.is_single for variable in template.variables):
            return _filled(template, values)
    return ""


def _filled(template: PathTemplate, values: Sequence[object]) -> str:
    segments = list(template.segments)
    for variable, value in zip(template.variables, values, strict=True):
        segments[variable.start] = quote(str(value), safe="")
    return "/" + "/".join(segments) + (f":{template.verb}" if template.verb else "")


def _value(message: Any, fields: Sequence[str]) -> object:  # noqa: ANN401 - a message made at run time
    for name in fields:
        message = getattr(message, name)
    return message

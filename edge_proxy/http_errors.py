"""Failures to HTTP: the status, and AIP-193's `{"error": {code, message, status, details}}`.

What a service says is passed on where a client may know it; what went wrong inside stays in the log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import grpc
import orjson
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from edge_proxy.refusals import MethodNotAllowed, NotAcceptable, TooLarge, TooSlow, UnsupportedContent
from mesh.errors import DeadlineExceeded, MeshError, Unavailable
from mesh.status import DETAILS_KEY, DOMAIN, to_status

HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
# What gRPC itself says when it does not reach a service: how, and where.
_OF_GRPC = re.compile(
    r"\b(?:ipv[46]|unix|dns):|\d:\d{2,5}\b|\b(?:failed to connect|connections to all|socket closed|connection reset"
    r"|broken pipe|goaway|recvmsg|endpoint closing|dns resolution|empty address|channel is closed|the stream)\b",
    re.IGNORECASE,
)
# Their text is for the log alone.
_SECRET = frozenset({"UNKNOWN", "INTERNAL", "DATA_LOSS"})
# The reason where a service gives none; else it is the code.
_REASONS = {
    "UNAUTHENTICATED": "CREDENTIALS_INVALID",
    "UNAVAILABLE": "BACKEND_UNAVAILABLE",
    **dict.fromkeys(_SECRET, "INTERNAL"),
}
_FOR_THE_LOG = frozenset({error_details_pb2.DebugInfo.DESCRIPTOR.full_name})
_KNOWN_DETAILS: dict[str, type[Message]] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        error_details_pb2.BadRequest,
        error_details_pb2.ErrorInfo,
        error_details_pb2.Help,
        error_details_pb2.LocalizedMessage,
        error_details_pb2.PreconditionFailure,
        error_details_pb2.QuotaFailure,
        error_details_pb2.RequestInfo,
        error_details_pb2.ResourceInfo,
        error_details_pb2.RetryInfo,
    )
}

# The JSON form of a detail, whose type no list knows. It raises ValueError, or DecodeError.
DetailForm: TypeAlias = Callable[[AnyMessage], dict[str, Any]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer but for the headers that every answer has. `code` is the gRPC code it stands for."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"
    code: str = "OK"

    def header(self, name: bytes) -> bytes:
        """The value of a header, b"" when it has none."""
        return next((value for each, value in self.headers if each == name), b"")


def error_answer(error: MeshError, request_id: str) -> Answer:
    """The answer for a failure of the edge's own."""
    http_status = HTTP_STATUS[error.code]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    match error:
        case MethodNotAllowed():
            http_status, headers = 405, ((b"allow", error.allowed.encode()),)
        case TooLarge():
            http_status = error.http_status
        case TooSlow():
            http_status = 408
        case UnsupportedContent():
            http_status = 415
        case NotAcceptable():
            http_status = 406
    return _answer(to_status(error, request_id), error.code, http_status, headers)


def no_form(detail: AnyMessage) -> dict[str, Any]:
    """Knows no type."""
    raise ValueError(f"{detail.type_url} is not known here")


def rpc_error_answer(
    error: grpc.aio.AioRpcError, service: str, request_id: str, detail_form: DetailForm = no_form
) -> Answer:
    """The answer for a call that a service refused, or that did not reach it.

    Details are of the types in google/rpc/error_details.proto, or of those that `detail_form` knows.
    """
    code = error.code().name
    if code in _SECRET:
        _log(error, service, request_id, "a service failed")
        return _answer(to_status(MeshError("INTERNAL", "internal"), request_id), code, HTTP_STATUS[code], ())
    told = _told(error)
    if told is None:
        if code == "UNAVAILABLE":
            _log(error, service, request_id, "a service cannot be reached")
        return _answer(to_status(_without_details(error, service), request_id), code, HTTP_STATUS[code], ())
    details = _Details(detail_form)
    status = _completed(told, code, request_id, details)
    if details.dropped:
        fields = {"dropped": sorted(set(details.dropped)), "request_id": request_id}
        logger.info("error details were dropped", extra={"fields": fields})
    return _answer(status, code, HTTP_STATUS[code], (), details)


def failure_answer(error: Exception, service: str, request_id: str, detail_form: DetailForm = no_form) -> Answer:
    """The answer for whatever went wrong. What is a defect is told in the log alone, under the request id."""
    match error:
        case MeshError():
            return error_answer(error, request_id)
        case grpc.aio.AioRpcError():
            return rpc_error_answer(error, service, request_id, detail_form)
    logger.error("a request failed", exc_info=error)
    return _answer(to_status(MeshError("INTERNAL", "internal"), request_id), "INTERNAL", 500, ())


def bare_status(answer: Answer) -> Answer:
    """The same failure as google.rpc.Status alone, as Envoy and grpc-gateway write it; another answer as it is."""
    if answer.code == "OK":
        return answer
    error = orjson.loads(answer.body)["error"]
    number: int = grpc.StatusCode[answer.code].value[0]
    status = {"code": number, "message": error["message"], "details": error["details"]}
    return replace(answer, body=orjson.dumps(status))


def _without_details(error: grpc.aio.AioRpcError, service: str) -> MeshError:
    """What gRPC itself found out is said in our own words: its own name addresses."""
    code, text = error.code().name, error.details() or ""
    if code == "UNAVAILABLE":
        backend = Unavailable.backend(service)
        if not text or _OF_GRPC.search(text):
            return backend
        return Unavailable(backend.reason, text, retry_after=backend.retry_after)
    if code == "DEADLINE_EXCEEDED" and text in {"", "Deadline Exceeded"}:
        return out_of_time()
    return MeshError(_REASONS.get(code, code), text or code.lower())


def out_of_time() -> DeadlineExceeded:
    """The call's time is used up."""
    return DeadlineExceeded("DEADLINE_EXCEEDED", "the time of the call is used up")


def _told(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    """The Status that the service sent along, None for none, or none of any use."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                return None
            status.message = status.message or error.details() or ""
            return status
    return None


@dataclass(slots=True)
class _Details:
    """The JSON forms of details, and the types of those that have none: unknown, malformed, or not for clients."""

    form: DetailForm = no_form
    dropped: list[str] = field(default_factory=list)

    def said(self, detail: AnyMessage) -> dict[str, Any] | None:
        """The form, None for a detail that is dropped."""
        name = _type_of(detail)
        kind = _KNOWN_DETAILS.get(name)
        try:
            if kind is not None:
                return {"@type": detail.type_url, **json_format.MessageToDict(kind.FromString(detail.value))}
            if name and name not in _FOR_THE_LOG:
                return self.form(detail)
        except (DecodeError, ValueError, json_format.Error):
            pass
        self.dropped.append(name)
        return None


def _completed(told: status_pb2.Status, code: str, request_id: str, details: _Details) -> status_pb2.Status:
    """The service's status with an ErrorInfo and the RequestInfo of this request, and only details that can be said."""
    status = status_pb2.Status(code=told.code, message=told.message or code.lower())
    kept = [detail for detail in told.details if details.said(detail) is not None]
    if not any(detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR) for detail in kept):
        info = error_details_pb2.ErrorInfo(reason=_REASONS.get(code, code), domain=DOMAIN)
        status.details.add().Pack(info)
    status.details.extend(detail for detail in kept if not detail.Is(error_details_pb2.RequestInfo.DESCRIPTOR))
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=request_id))
    return status


def _answer(
    status: status_pb2.Status,
    code: str,
    http_status: int,
    headers: tuple[tuple[bytes, bytes], ...],
    details: _Details | None = None,
) -> Answer:
    details = details or _Details()
    said = [details.said(detail) for detail in status.details]
    error = {"code": http_status, "message": status.message, "status": code, "details": said}
    if http_status == 401:
        headers += ((b"www-authenticate", b"Bearer"),)
    pause = _retry_seconds(status)
    if pause is not None:
        headers += ((b"retry-after", str(pause).encode()),)
    return Answer(http_status, orjson.dumps({"error": error}), headers, code=code)


def _retry_seconds(status: status_pb2.Status) -> int | None:
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(retry):
            seconds: int = retry.retry_delay.seconds + (retry.retry_delay.nanos > 0)
            return max(0, seconds)
    return None


def _type_of(detail: AnyMessage) -> str:
    return str(detail.type_url.rpartition("/")[2])


def _log(error: grpc.aio.AioRpcError, service: str, request_id: str, what: str) -> None:
    fields = {"rpc_service": service, "code": error.code().name, "details": error.details(), "request_id": request_id}
    logger.warning(what, extra={"fields": fields})

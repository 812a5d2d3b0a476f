"""Failures to HTTP: the status, and AIP-193's `{"error": {code, message, status, details}}`.

What a service says is passed on where a client may know it; what went wrong inside stays in the log.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import grpc
import orjson
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from edge_proxy.refusals import MethodNotAllowed, TooLarge, UnsupportedContent
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
# Their text is for the log alone.
_SECRET = frozenset({"UNKNOWN", "INTERNAL", "DATA_LOSS"})
# The reason where a service gives none; else it is the code.
_REASONS = {
    "UNAUTHENTICATED": "CREDENTIALS_INVALID",
    "UNAVAILABLE": "BACKEND_UNAVAILABLE",
    **dict.fromkeys(_SECRET, "INTERNAL"),
}
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

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer but for the headers that every answer has. `code` is the gRPC code it stands for."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"
    code: str = "OK"


def error_answer(error: MeshError, request_id: str) -> Answer:
    """The answer for a failure of the edge's own."""
    http_status = HTTP_STATUS[error.code]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    match error:
        case MethodNotAllowed():
            http_status, headers = 405, ((b"allow", error.allowed.encode()),)
        case TooLarge():
            http_status = error.http_status
        case UnsupportedContent():
            http_status = 415
    return _answer(to_status(error, request_id), error.code, http_status, headers)


def rpc_error_answer(error: grpc.aio.AioRpcError, service: str, request_id: str) -> Answer:
    """The answer for a call that a service refused, or that did not reach it."""
    code = error.code().name
    if code in _SECRET:
        _log(error, service, request_id, "a service failed")
        return _answer(to_status(MeshError("INTERNAL", "internal"), request_id), code, HTTP_STATUS[code], ())
    told = _told(error)
    if told is None:
        status = to_status(_without_details(error, service), request_id)
        if code == "UNAVAILABLE":
            _log(error, service, request_id, "a service cannot be reached")
    else:
        status = _completed(told, code, request_id)
    return _answer(status, code, HTTP_STATUS[code], ())


def internal_answer(request_id: str) -> Answer:
    """The answer for a defect; the log has the rest under the request id."""
    return _answer(to_status(MeshError("INTERNAL", "internal"), request_id), "INTERNAL", 500, ())


def _without_details(error: grpc.aio.AioRpcError, service: str) -> MeshError:
    """What gRPC itself found out is said in our own words: its own name addresses."""
    match error.code():
        case grpc.StatusCode.UNAVAILABLE:
            return Unavailable.backend(service)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return out_of_time()
        case code:
            return MeshError(_REASONS.get(code.name, code.name), error.details() or code.name.lower())


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


def _completed(told: status_pb2.Status, code: str, request_id: str) -> status_pb2.Status:
    """The service's status with an ErrorInfo and the RequestInfo of this request, and only details that are known."""
    status = status_pb2.Status(code=told.code, message=told.message)
    kept = [detail for detail in told.details if _type_of(detail) in _KNOWN_DETAILS]
    dropped = sorted({_type_of(detail) for detail in told.details} - _KNOWN_DETAILS.keys())
    if dropped:
        logger.info("error details were dropped", extra={"fields": {"dropped": dropped, "request_id": request_id}})
    if not any(detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR) for detail in kept):
        info = error_details_pb2.ErrorInfo(reason=_REASONS.get(code, code), domain=DOMAIN)
        status.details.add().Pack(info)
    status.details.extend(detail for detail in kept if not detail.Is(error_details_pb2.RequestInfo.DESCRIPTOR))
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=request_id))
    return status


def _answer(status: status_pb2.Status, code: str, http_status: int, headers: tuple[tuple[bytes, bytes], ...]) -> Answer:
    details = [_detail(detail) for detail in status.details]
    error = {"code": http_status, "message": status.message, "status": code, "details": details}
    if http_status == 401:
        headers += ((b"www-authenticate", b"Bearer"),)
    pause = _retry_seconds(status)
    if pause is not None:
        headers += ((b"retry-after", str(pause).encode()),)
    return Answer(http_status, orjson.dumps({"error": error}), headers, code=code)


def _detail(detail: AnyMessage) -> dict[str, Any]:
    message = _KNOWN_DETAILS[_type_of(detail)].FromString(detail.value)
    return {"@type": detail.type_url, **json_format.MessageToDict(message)}


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

"""MeshError to google.rpc.Status and back: the one mapping between our failures and what is on the wire (AIP-193)."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from mesh import errors
from mesh.errors import FieldViolation, MeshError

DOMAIN = "aviary.dev"
DETAILS_KEY = "grpc-status-details-bin"
# Trailing metadata over 8 KiB would reach nobody, so long lists and texts are cut.
MOST_VIOLATION_BYTES = 2048
LONGEST_TEXT = 200

_CLASSES: Mapping[str, type[MeshError]] = {
    kind.code: kind
    for kind in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.AlreadyExists,
        errors.FailedPrecondition,
        errors.ResourceExhausted,
        errors.Unavailable,
        errors.DeadlineExceeded,
    )
}


def internal() -> MeshError:
    """A defect. It says nothing; the log has the rest under the request id."""
    return MeshError("INTERNAL", "internal")


def to_status(error: MeshError, request_id: str) -> status_pb2.Status:
    """The error with ErrorInfo, RequestInfo and, where it has them, BadRequest and RetryInfo."""
    status = status_pb2.Status(code=grpc.StatusCode[error.code].value[0], message=_cut(error.message))
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    for key, value in error.metadata.items():
        info.metadata[key] = _cut(value)
    status.details.add().Pack(info)
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=request_id))
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations:
            bad.field_violations.add(field=_cut(violation.field), description=_cut(violation.description))
            if bad.ByteSize() > MOST_VIOLATION_BYTES:
                break
        status.details.add().Pack(bad)
    if error.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def from_status(code: grpc.StatusCode, details: bytes | None) -> MeshError | None:
    """The error that a service of ours answered with; None when the status has no ErrorInfo of ours."""
    try:
        status = status_pb2.Status.FromString(details or b"")
    except DecodeError:
        return None
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for kind in (info, bad, retry):
            detail.Unpack(kind)
    if info.domain != DOMAIN:
        return None
    return _CLASSES.get(code.name, MeshError)(
        info.reason,
        status.message,
        violations=tuple(FieldViolation(each.field, each.description) for each in bad.field_violations),
        metadata=info.metadata,
        retry_after=retry.retry_delay.ToTimedelta() if retry.HasField("retry_delay") else None,
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"

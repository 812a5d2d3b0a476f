"""The tree of failures that a caller may be told about. It knows no gRPC, so a pure model may raise them.

    MeshError
    |- InvalidArgument      the request can never succeed as it is; names the fields
    |- Unauthenticated      no token, or a bad one
    |- PermissionDenied     a good token that may not do this
    |- NotFound
    |- AlreadyExists
    |- FailedPrecondition   not in the present state
    |- ResourceExhausted    too large
    |- Unavailable          try again later
    `- DeadlineExceeded     the time of the call is used up

Each maps to one gRPC status in `mesh.status`, the only place that knows both sides (AIP-193).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field that is wrong. `field` is its path in lowerCamelCase, such as "content" or "user.displayName"."""

    field: str
    description: str


class MeshError(Exception):
    """A failure with a reason of `aviary.type.v1.ErrorReason`, without its prefix, and a message for the caller."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        violations: tuple[FieldViolation, ...] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.violations = violations
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after


class InvalidArgument(MeshError):
    """The request can never succeed as it is."""

    code = "INVALID_ARGUMENT"

    @classmethod
    def field(cls, field: str, description: str, *, reason: str = "VALIDATION_FAILED") -> InvalidArgument:
        """One wrong field; its description is the message as well."""
        return cls(reason, f"{field}: {description}", violations=(FieldViolation(field, description),))


class Unauthenticated(MeshError):
    """No token, or a bad one."""

    code = "UNAUTHENTICATED"


class PermissionDenied(MeshError):
    """A good token that may not do this."""

    code = "PERMISSION_DENIED"


class NotFound(MeshError):
    """There is no such thing, or the caller must not know of it."""

    code = "NOT_FOUND"


class AlreadyExists(MeshError):
    """Somebody has it."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(MeshError):
    """Not in the present state."""

    code = "FAILED_PRECONDITION"


class ResourceExhausted(MeshError):
    """Larger than what is taken."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(MeshError):
    """Something behind is down or busy. A write may have happened: repeat it with the same key."""

    code = "UNAVAILABLE"

    @classmethod
    def backend(cls, what: str, *, retry_after: timedelta = timedelta(seconds=1)) -> Unavailable:
        """`what` cannot be reached now."""
        return cls("BACKEND_UNAVAILABLE", f"{what} cannot be reached now; try again", retry_after=retry_after)


class DeadlineExceeded(MeshError):
    """The time of the call is used up. A write may have happened: repeat it with the same key."""

    code = "DEADLINE_EXCEEDED"

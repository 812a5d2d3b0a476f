"""Failures survive the way over the wire and back, and never outgrow what metadata may hold."""

from datetime import timedelta

import grpc
import pytest
from google.rpc import error_details_pb2

from mesh.errors import (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    MeshError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from mesh.status import from_status, internal, to_status

KINDS = (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    MeshError,
)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_comes_back_as_the_class_it_was(kind: type[MeshError]) -> None:
    sent = kind(
        "SOME_REASON",
        "what is wrong",
        violations=(FieldViolation("user.displayName", "too long"),),
        metadata={"username": "ada"},
        retry_after=timedelta(milliseconds=1500),
    )
    status = to_status(sent, "request-1")
    received = from_status(grpc.StatusCode[kind.code], status.SerializeToString())
    assert type(received) is kind
    assert vars(received) == vars(sent)


def test_a_status_says_domain_and_request_id() -> None:
    status = to_status(NotFound("TWEET_NOT_FOUND", "no such tweet"), "request-1")
    info, request = error_details_pb2.ErrorInfo(), error_details_pb2.RequestInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(request)
    assert (status.code, status.message) == (5, "no such tweet")
    assert (info.reason, info.domain, request.request_id) == ("TWEET_NOT_FOUND", "aviary.dev", "request-1")
    assert len(status.details) == 2


def test_an_internal_error_says_nothing() -> None:
    assert to_status(internal(), "r").message == "internal"


def test_long_lists_and_texts_are_cut_to_what_metadata_may_hold() -> None:
    violations = tuple(FieldViolation("f" * 5000, "ü" * 5000) for _ in range(1000))
    error = InvalidArgument("VALIDATION_FAILED", "m" * 5000, violations=violations, metadata={"k": "v" * 5000})
    assert len(to_status(error, "r" * 128).SerializeToString()) < 8 * 1024 - 1024


@pytest.mark.parametrize("details", [None, b"", b"\xff\xff", b"\x08\x05"])
def test_a_status_of_somebody_else_is_not_ours(details: bytes | None) -> None:
    assert from_status(grpc.StatusCode.NOT_FOUND, details) is None

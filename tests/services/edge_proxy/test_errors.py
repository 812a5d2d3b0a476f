"""Failures of services as HTTP: the status, AIP-193's body, and nothing that is not for the client."""

from __future__ import annotations

import logging
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from google.rpc import status_pb2

from edge_proxy.app import EdgeApp
from mesh.errors import InvalidArgument
from mesh.status import to_status
from tests.services.edge_proxy.asgi import Reply, request
from tests.services.edge_proxy.stand_in import StandIn

HTTP = {
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
HIDDEN = {"UNKNOWN", "INTERNAL", "DATA_LOSS"}


async def failed(
    edge: EdgeApp, library: StandIn, code: str, message: str = "shelf 5 is secret", status: bytes | None = None
) -> Reply:
    """The answer when a service ends with a code, and perhaps a google.rpc.Status."""

    async def answer(_request: Any, call: Any) -> Any:
        if status is not None:
            call.set_trailing_metadata((("grpc-status-details-bin", status),))
        await call.abort(grpc.StatusCode[code], message)

    library.behaviours["DeleteBook"] = answer
    return await request(edge, "DELETE", "/v1/books/5")


def packed(*messages: Message, code: str = "NOT_FOUND", message: str = "no book") -> bytes:
    status = status_pb2.Status(code=grpc.StatusCode[code].value[0], message=message)
    for each in messages:
        status.details.add().Pack(each)
    serialized: bytes = status.SerializeToString()
    return serialized


@pytest.mark.parametrize(("code", "http"), HTTP.items())
async def test_every_code_has_its_status_and_every_error_a_reason(
    edge: EdgeApp, library: StandIn, code: str, http: int
) -> None:
    reply = await failed(edge, library, code)
    assert (reply.status, reply.error["status"]) == (http, code)
    assert reply.reason.isupper()
    assert reply.headers.get("www-authenticate") == ("Bearer" if http == 401 else None)
    assert ("secret" in reply.error["message"]) == (code not in HIDDEN)


@pytest.mark.parametrize("code", sorted(HIDDEN))
async def test_what_went_wrong_inside_is_for_the_log_alone(
    edge: EdgeApp, library: StandIn, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    info = details.ErrorInfo(reason="OOPS", domain="library", metadata={"password": "hunter2"})
    with caplog.at_level(logging.INFO):
        reply = await failed(edge, library, code, status=packed(info, details.DebugInfo(detail="trace"), code=code))
    assert (reply.error["message"], reply.reason) == ("internal", "INTERNAL")
    assert b"secret" not in reply.body
    assert b"hunter2" not in reply.body
    assert any("shelf 5 is secret" in str(getattr(record, "fields", "")) for record in caplog.records)


async def test_the_details_of_a_service_pass(edge: EdgeApp, library: StandIn) -> None:
    info = details.ErrorInfo(reason="BOOK_GONE", domain="library.example", metadata={"book_id": "5"})
    resource = details.ResourceInfo(resource_type="Book", resource_name="books/5")
    reply = await failed(edge, library, "NOT_FOUND", status=packed(info, resource))
    assert reply.error["message"] == "no book"
    assert reply.detail("ErrorInfo") == {
        "reason": "BOOK_GONE",
        "domain": "library.example",
        "metadata": {"book_id": "5"},
    }
    assert reply.detail("ResourceInfo") == {"resourceType": "Book", "resourceName": "books/5"}


async def test_field_violations_pass_as_a_service_of_ours_says_them(edge: EdgeApp, library: StandIn) -> None:
    status = to_status(InvalidArgument.field("content", "must not be empty"), "another-id")
    reply = await failed(edge, library, "INVALID_ARGUMENT", status=status.SerializeToString())
    assert (reply.status, reply.reason, reply.fields) == (400, "VALIDATION_FAILED", ["content"])


async def test_details_that_nobody_knows_and_stack_traces_are_dropped(
    edge: EdgeApp, library: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    status = status_pb2.Status(code=5, message="no book")
    status.details.append(AnyMessage(type_url="type.googleapis.com/library.v1.Unheard", value=b"\xff"))
    status.details.add().Pack(details.DebugInfo(stack_entries=["secret.py:5"]))
    with caplog.at_level(logging.INFO):
        reply = await failed(edge, library, "NOT_FOUND", status=status.SerializeToString())
    assert [detail["@type"].rpartition(".")[2] for detail in reply.error["details"]] == ["ErrorInfo", "RequestInfo"]
    assert any("dropped" in record.message for record in caplog.records)


@pytest.mark.parametrize("broken", [b"\xff\xff", b""])
async def test_broken_details_are_no_details(edge: EdgeApp, library: StandIn, broken: bytes) -> None:
    reply = await failed(edge, library, "NOT_FOUND", status=broken)
    assert (reply.status, reply.reason, reply.error["message"]) == (404, "NOT_FOUND", "shelf 5 is secret")


@pytest.mark.parametrize(("seconds", "nanos", "header"), [(3, 0, "3"), (0, 200_000_000, "1"), (2, 1, "3"), (0, 0, "0")])
async def test_a_pause_to_make_is_a_header_as_well(
    edge: EdgeApp, library: StandIn, seconds: int, nanos: int, header: str
) -> None:
    pause = details.RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))
    reply = await failed(edge, library, "UNAVAILABLE", status=packed(pause, code="UNAVAILABLE", message="busy"))
    assert (reply.status, reply.headers["retry-after"], reply.error["message"]) == (503, header, "busy")


async def test_a_service_that_is_away_is_unavailable_and_its_address_is_not_told(
    edge: EdgeApp, library: StandIn
) -> None:
    async def gone(_request: Any, call: Any) -> Any:
        await call.abort(grpc.StatusCode.UNAVAILABLE, "ipv4:10.0.0.1:5: Connection refused")

    library.behaviours["DeleteBook"] = gone
    reply = await request(edge, "DELETE", "/v1/books/5")
    assert (reply.status, reply.reason, reply.headers["retry-after"]) == (503, "BACKEND_UNAVAILABLE", "1")
    assert b"10.0.0.1" not in reply.body


async def test_a_method_that_the_service_has_not_is_unimplemented(edge: EdgeApp, library: StandIn) -> None:
    for rpcs in (library.contracts,):
        library.contracts = type(rpcs)(rpcs.pool, {})
    reply = await request(edge, "DELETE", "/v1/books/5")
    assert (reply.status, reply.reason) == (501, "UNIMPLEMENTED")


async def test_an_answer_that_cannot_be_said_is_an_internal_error(
    edge: EdgeApp, library: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    library.answers("GetBook", publish_time={"seconds": 2**60})
    reply = await request(edge, "GET", "/v1/books/5")
    assert (reply.status, reply.reason, reply.error["message"]) == (500, "INTERNAL", "internal")
    assert "is no time" in caplog.text
    assert b"Traceback" not in reply.body

"""Failures of a service that has nothing of ours: every code, every kind of detail, in both forms of the body."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details
from google.rpc import status_pb2

from tests.services.edge_proxy.edge_process import EdgeProcess, outcome
from tests.services.edge_proxy.probing import Reply, probing_edge, sent
from tests.support.probe.server import ProbeServer, probe_server

# Code, HTTP status, whether the client may read what the service said.
CODES = [
    ("CANCELLED", 499, True),
    ("UNKNOWN", 500, False),
    ("INVALID_ARGUMENT", 400, True),
    ("DEADLINE_EXCEEDED", 504, True),
    ("NOT_FOUND", 404, True),
    ("ALREADY_EXISTS", 409, True),
    ("PERMISSION_DENIED", 403, True),
    ("RESOURCE_EXHAUSTED", 429, True),
    ("FAILED_PRECONDITION", 400, True),
    ("ABORTED", 409, True),
    ("OUT_OF_RANGE", 400, True),
    ("UNIMPLEMENTED", 501, True),
    ("INTERNAL", 500, False),
    ("UNAVAILABLE", 503, True),
    ("DATA_LOSS", 500, False),
    ("UNAUTHENTICATED", 401, True),
]
MESSAGE = "shelf 5 says: näh"
GOOGLE = "type.googleapis.com/google.rpc."
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def probe(probe_file: Path) -> AsyncIterator[ProbeServer]:
    async with probe_server(probe_file) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(probe: ProbeServer, probe_file: Path) -> AsyncIterator[EdgeProcess]:
    async with probing_edge(probe, probe_file) as edge:
        yield edge


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(probe: ProbeServer, probe_file: Path) -> AsyncIterator[EdgeProcess]:
    async with probing_edge(probe, probe_file, "--error-format", "status") as edge:
        yield edge


async def failed(process: EdgeProcess, code: str, *told: Message, message: str = MESSAGE) -> Reply:
    """The answer to a call that a service ends with a code, and with a Status when there are details."""
    number = grpc.StatusCode[code].value[0]
    request: dict[str, Any] = {"code": number, "message": message}
    if told:
        status = status_pb2.Status(code=number, message=message)
        for each in told:
            if isinstance(each, AnyMessage):
                status.details.append(each)
            else:
                status.details.add().Pack(each)
        request["status"] = base64.b64encode(status.SerializeToString()).decode()
    return await sent(process, "POST", b"/fail", json.dumps(request).encode(), {"X-Request-Id": "r-1"})


def said(reply: Reply, kind: str) -> list[dict[str, Any]]:
    """The details of a type, without it."""
    found = [each for each in json.loads(reply.body)["error"]["details"] if each["@type"].endswith(f".{kind}")]
    return [{key: value for key, value in each.items() if key != "@type"} for each in found]


@pytest.mark.parametrize(("code", "status", "is_told"), CODES)
async def test_every_code(process: EdgeProcess, code: str, status: int, is_told: bool) -> None:
    reply = await failed(process, code)
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"], error["status"]) == (status, status, code)
    assert error["message"] == (MESSAGE if is_told else "internal")
    (info,) = said(reply, "ErrorInfo")
    assert info["domain"] == "aviary.dev"
    assert info["reason"].isupper()
    assert said(reply, "RequestInfo") == [{"requestId": "r-1"}]
    assert reply.headers["x-request-id"] == "r-1"
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize(("code", "status", "is_told"), CODES)
async def test_every_code_as_a_bare_status(bare: EdgeProcess, code: str, status: int, is_told: bool) -> None:
    reply = await failed(bare, code, details.ErrorInfo(reason="SO", domain="acme"))
    body = json.loads(reply.body)
    assert reply.status == status
    assert set(body) == {"code", "message", "details"}
    assert body["code"] == grpc.StatusCode[code].value[0]
    assert body["message"] == (MESSAGE if is_told else "internal")
    info, request = body["details"]
    expected = {"reason": "SO", "domain": "acme"} if is_told else {"reason": "INTERNAL", "domain": "aviary.dev"}
    assert info == {"@type": f"{GOOGLE}ErrorInfo", **expected}
    assert request == {"@type": f"{GOOGLE}RequestInfo", "requestId": "r-1"}


@pytest.mark.parametrize(
    ("verb", "target", "status", "code", "allow"),
    [
        ("GET", b"/nowhere", 404, 5, None),
        ("GET", b"/take", 405, 12, "OPTIONS, POST"),
        ("GET", b"/q?nope=1", 400, 3, None),
    ],
)
async def test_what_the_edge_itself_refuses_is_a_bare_status_as_well(
    bare: EdgeProcess, verb: str, target: bytes, status: int, code: int, allow: str | None
) -> None:
    reply = await sent(bare, verb, target)
    body = json.loads(reply.body)
    assert (reply.status, body["code"], reply.headers.get("allow")) == (status, code, allow)
    assert {each["@type"] for each in body["details"]} >= {f"{GOOGLE}ErrorInfo", f"{GOOGLE}RequestInfo"}


async def test_a_success_has_the_same_body_in_both_forms(process: EdgeProcess, bare: EdgeProcess) -> None:
    ours, theirs = [await sent(edge, "GET", b"/items/5") for edge in (process, bare)]
    assert ours.body == theirs.body


async def test_every_standard_detail_passes(process: EdgeProcess) -> None:
    told: list[Message] = [
        details.ErrorInfo(reason="GONE", domain="acme.example", metadata={"shelf": "5"}),
        details.ResourceInfo(resource_type="Book", resource_name="books/5"),
        details.BadRequest(field_violations=[{"field": "item.displayName", "description": "too long"}]),
        details.PreconditionFailure(violations=[{"type": "TOS", "subject": "a", "description": "b"}]),
        details.QuotaFailure(violations=[{"subject": "user:5", "description": "too many"}]),
        details.Help(links=[{"description": "here", "url": "https://acme.example"}]),
        details.LocalizedMessage(locale="de", message="weg"),
        details.RetryInfo(retry_delay=Duration(seconds=1, nanos=1)),
        details.RequestInfo(request_id="of the service", serving_data="x"),
    ]
    reply = await failed(process, "NOT_FOUND", *told)
    assert said(reply, "ErrorInfo") == [{"reason": "GONE", "domain": "acme.example", "metadata": {"shelf": "5"}}]
    assert said(reply, "BadRequest") == [
        {"fieldViolations": [{"field": "item.displayName", "description": "too long"}]}
    ]
    assert said(reply, "RequestInfo") == [{"requestId": "r-1"}]
    assert [each["@type"] for each in json.loads(reply.body)["error"]["details"]] == [
        f"{GOOGLE}{type(each).__name__}" for each in told
    ]
    assert reply.headers["retry-after"] == "2"


async def test_a_detail_of_the_contract_passes(process: EdgeProcess, probe: ProbeServer) -> None:
    trouble = message_factory.GetMessageClass(probe.pool.FindMessageTypeByName("acme.probe.v3.Trouble"))
    reply = await failed(process, "ABORTED", trouble(shelf_name="top", lost_count=2**60))
    assert said(reply, "Trouble") == [{"shelfName": "top", "lostCount": str(2**60)}]
    assert [each["reason"] for each in said(reply, "ErrorInfo")] == ["ABORTED"]


BROKEN = b"\xff\xff"


@pytest.mark.parametrize(
    "detail",
    [
        AnyMessage(type_url="type.googleapis.com/acme.Unheard", value=BROKEN),
        AnyMessage(type_url="", value=b""),
        AnyMessage(type_url=f"{GOOGLE}ErrorInfo", value=BROKEN),
        AnyMessage(type_url=f"{GOOGLE}RetryInfo", value=BROKEN),
        AnyMessage(type_url=f"{GOOGLE}BadRequest", value=BROKEN),
        AnyMessage(type_url="type.googleapis.com/acme.probe.v3.Trouble", value=BROKEN),
        AnyMessage(
            type_url=f"{GOOGLE}RetryInfo",
            value=details.RetryInfo(retry_delay=Duration(seconds=2**60)).SerializeToString(),
        ),
        AnyMessage(type_url=f"{GOOGLE}DebugInfo", value=details.DebugInfo(detail="secret.py:5").SerializeToString()),
    ],
    ids=lambda detail: f"{detail.type_url.rpartition('.')[2]} {detail.value!r}"[:60],
)
async def test_a_detail_that_cannot_be_said_is_dropped_and_logged(process: EdgeProcess, detail: AnyMessage) -> None:
    kept = details.ResourceInfo(resource_type="Book")
    reply = await failed(process, "NOT_FOUND", detail, kept)
    assert reply.status == 404
    assert [each["@type"].rpartition(".")[2] for each in json.loads(reply.body)["error"]["details"]] == [
        "ErrorInfo",
        "ResourceInfo",
        "RequestInfo",
    ]
    line = await process.log("error details were dropped")
    assert line["dropped"] == [detail.type_url.rpartition("/")[2]]
    assert b"secret" not in reply.body


@pytest.mark.parametrize(
    "text", ["failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:5: refused", "Socket closed", ""]
)
async def test_what_grpc_says_of_connections_is_not_told(process: EdgeProcess, text: str) -> None:
    reply = await failed(process, "UNAVAILABLE", message=text)
    assert json.loads(reply.body)["error"]["message"] == "acme.probe.v3.Probe cannot be reached now; try again"
    assert reply.headers["retry-after"] == "1"


async def test_the_form_of_errors_is_one_of_two(probe_file: Path) -> None:
    code, _, err = await outcome(
        *("--descriptors", str(probe_file), "--upstream", "acme.probe.v3.Probe=127.0.0.1:1"),
        EDGE_ERROR_FORMAT="html",
    )
    assert (code, err) == (2, "edge_proxy: EDGE_ERROR_FORMAT='html': must be aip193 or status\n")

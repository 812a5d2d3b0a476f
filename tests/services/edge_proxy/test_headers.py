"""Which headers pass, which are made, and how much is taken."""

from __future__ import annotations

from typing import Any

import pytest

from edge_proxy.app import EdgeApp
from tests.services.edge_proxy.asgi import request
from tests.services.edge_proxy.stand_in import StandIn

# What gRPC itself sends.
OWN = {"user-agent", "grpc-accept-encoding", "te", "content-type", "grpc-previous-rpc-attempts"}


async def test_only_headers_of_the_list_pass(edge: EdgeApp, library: StandIn) -> None:
    headers = {
        "authorization": "Bearer t",
        "x-request-id": "request-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=b",
        "accept-language": "de",
        "user-agent": "curl/8",
        "x-forwarded-for": "203.0.113.9",
        "cookie": "session=1",
        "connection": "authorization",
        "te": "trailers",
        "x-user-id": "1",
        "x-role": "admin",
        "x-forwarded-user": "root",
        "x-http-method-override": "DELETE",
        "grpc-metadata-x": "1",
        "grpc-tags-bin": "AA==",
        "grpc-encoding": "gzip",
        "aviary-caller": "svc:tweet_svc",
        "host": "example.org",
        "accept": "application/json",
    }
    reply = await request(edge, "GET", "/v1/books/5", headers=headers)
    assert reply.status == 200
    assert reply.headers["x-request-id"] == "request-1"
    passed = {name: value for name, value in library.last.metadata if name not in OWN}
    assert passed == {
        "authorization": "Bearer t",
        "x-request-id": "request-1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=b",
        "accept-language": "de",
        "x-client-user-agent": "curl/8",
        "x-forwarded-for": "203.0.113.9, 192.0.2.7",
    }


async def test_the_peer_is_told_and_a_request_id_made(edge: EdgeApp, library: StandIn) -> None:
    replies = [await request(edge, "GET", "/v1/books/5") for _ in range(2)]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert [asked.header("x-request-id") for asked in library.asked] == ids
    assert len(set(ids)) == 2
    assert library.last.header("x-forwarded-for") == "192.0.2.7"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ü", "a\r\nset-cookie: x", "\x7f"])
async def test_a_request_id_that_cannot_be_logged_is_replaced(edge: EdgeApp, library: StandIn, given: str) -> None:
    reply = await request(edge, "GET", "/v1/books/5", headers={"x-request-id": given})
    assert reply.headers["x-request-id"] != given
    assert library.last.header("x-request-id") == reply.headers["x-request-id"]


async def test_what_is_not_printable_is_dropped_and_costs_nobody_a_request(edge: EdgeApp, library: StandIn) -> None:
    headers = {"user-agent": "Frühstück", "accept-language": "a\tb", "x-forwarded-for": "\x80"}
    assert (await request(edge, "GET", "/v1/books/5", headers=headers)).status == 200
    assert library.last.header("x-client-user-agent") is None
    assert library.last.header("accept-language") is None
    assert library.last.header("x-forwarded-for") == "192.0.2.7"


@pytest.mark.parametrize("name", ["authorization", "idempotency-key", "grpc-timeout", "content-type"])
async def test_a_second_value_where_one_is_meant_is_refused(edge: EdgeApp, library: StandIn, name: str) -> None:
    reply = await request(edge, "GET", "/v1/books/5", headers=[(name, "1S"), (name, "1S")])
    assert (reply.status, reply.reason) == (400, "TRANSCODING_FAILED")
    assert not library.asked


async def test_headers_that_are_lists_are_joined(edge: EdgeApp, library: StandIn) -> None:
    pairs = [("x-forwarded-for", "a"), ("x-forwarded-for", "b"), ("accept-language", "de"), ("accept-language", "en")]
    await request(edge, "GET", "/v1/books/5", headers=pairs)
    assert library.last.header("x-forwarded-for") == "a, b, 192.0.2.7"
    assert library.last.header("accept-language") == "de, en"


async def test_a_service_may_set_few_headers(edge: EdgeApp, library: StandIn) -> None:
    allowed = {
        "etag": '"a"',
        "cache-control": "no-store",
        "location": "/v1/books/5",
        "retry-after": "3",
        "idempotency-replayed": "true",
        "ratelimit-remaining": "5",
    }

    async def answer(_request: Any, call: Any) -> Any:
        call.set_trailing_metadata((("etag", "trailer"), ("x-secret", "2")))
        await call.send_initial_metadata((*allowed.items(), ("set-cookie", "a=b"), ("x-secret", "1"), ("server", "x")))
        return library.response("GetBook")

    library.behaviours["GetBook"] = answer
    reply = await request(edge, "GET", "/v1/books/5")
    added = {"x-request-id", "content-type", "content-length", "vary"}
    assert {name: value for name, value in reply.headers.items() if name not in added} == allowed


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/v1/books/5?x=" + "y" * 8192, {}, 414),
        ("/" + "y" * 8192, {}, 414),
        ("/v1/books/5", {"x-anything": "y" * 16_384}, 431),
        ("/v1/books/5", {f"x-{number}": "" for number in range(101)}, 431),
        ("/v1/books/5", {"authorization": "Bearer " + "y" * 8192}, 431),
        ("/v1/books/5", {"user-agent": "y" * 4000, "tracestate": "y" * 4000}, 431),
    ],
)
async def test_a_request_that_is_too_large_is_refused(
    edge: EdgeApp, library: StandIn, target: str, headers: dict[str, str], status: int
) -> None:
    reply = await request(edge, "GET", target, headers=headers)
    assert (reply.status, reply.reason, reply.error["status"]) == (status, "REQUEST_TOO_LARGE", "INVALID_ARGUMENT")
    assert int(reply.detail("ErrorInfo")["metadata"]["max_bytes"]) > 0
    assert not library.asked


async def test_headers_below_the_limit_pass(edge: EdgeApp, library: StandIn) -> None:
    headers = {"authorization": "Bearer " + "y" * 6500, "cookie": "y" * 9000}
    assert (await request(edge, "GET", "/v1/books/5", headers=headers)).status == 200
    assert library.last.header("authorization") == headers["authorization"]


@pytest.mark.parametrize(
    ("parts", "headers"),
    [
        ([b"[" + b" " * 65_536], {"content-length": "65537"}),
        ([b'{"reader": "', b"x" * 40_000, b"x" * 40_000, b'"}'], {}),
        ([b"x" * 40_000] * 10, {}),
        ([b"{}"], {"content-length": "9" * 4000}),
    ],
)
async def test_a_body_that_is_too_large_is_refused_and_the_connection_ends(
    edge: EdgeApp, library: StandIn, parts: list[bytes], headers: dict[str, str]
) -> None:
    reply = await request(edge, "POST", "/v1/books/5:lend", parts, headers)
    assert (reply.status, reply.reason) == (413, "REQUEST_TOO_LARGE")
    assert reply.headers["connection"] == "close"
    assert not library.asked


async def test_a_client_that_leaves_in_the_middle_of_its_body_gets_no_answer_and_calls_nobody(
    edge: EdgeApp, library: StandIn
) -> None:
    events = [{"type": "http.request", "body": b'{"reader"', "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    path = "/v1/books/5:lend"
    scope = {"type": "http", "method": "POST", "raw_path": path.encode(), "query_string": b"", "headers": []}
    await edge(scope | {"client": None}, receive, send)
    assert not sent
    assert not library.asked


async def test_a_body_as_large_as_allowed_is_taken(edge: EdgeApp, library: StandIn) -> None:
    frame = '{"reader": ""}'
    body = frame.replace('""', '"' + "x" * (65_536 - len(frame)) + '"')
    assert len(body) == 65_536
    assert (await request(edge, "POST", "/v1/books/5:lend", [body[:9].encode(), body[9:].encode()])).status == 200
    assert len(library.last.request.reader) > 65_000

"""Server streams over real sockets, in each form: what comes, how it ends, and how a failure shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest

from edge_proxy.config import EdgeConfig
from tests.services.edge_proxy.listening_edge import ListeningEdge, listening
from tests.services.edge_proxy.raw_http import Conversation, conversation
from tests.services.edge_proxy.stand_in import StandIn
from tests.support.wait_until import wait_until

SERVICE = "feed.v1.Feed"
EVENTS, LINES, ARRAY = "text/event-stream", "application/x-ndjson", "application/json"
WATCH = "/v1/feed:watch"
ROUTE = {"route": WATCH}


@pytest.fixture
async def edge(feed: StandIn) -> AsyncIterator[ListeningEdge]:
    targets = {SERVICE: f"ipv4:127.0.0.1:{feed.port}"}
    config = EdgeConfig(contracts=feed.contracts, upstreams=targets, keep_alive=timedelta(milliseconds=300))
    async with listening(config) as edge:
        yield edge


@pytest.fixture
async def client(edge: ListeningEdge) -> AsyncIterator[Conversation]:
    async with conversation(edge.port) as client:
        yield client


def sends(feed: StandIn, *items: dict[str, Any] | grpc.StatusCode, method: str = "Watch") -> None:
    """From now on the stream has these messages, and ends in a failure where there is a code."""

    async def behaviour(_request: Any, call: Any) -> AsyncIterator[Any]:
        for item in items:
            if isinstance(item, grpc.StatusCode):
                await call.abort(item, "no more")
            else:
                yield feed.response(method, **item)

    feed.behaviours[method] = behaviour


class Open:
    """A stream that the test lets go on: what it is told to send, and whether its call was cancelled."""

    def __init__(self, feed: StandIn, method: str = "Watch") -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.waiting: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        async def behaviour(_request: Any, _call: Any) -> AsyncIterator[Any]:
            self.begun.set()
            try:
                while (item := await self.waiting.get()) is not None:
                    yield feed.response(method, **item)
            finally:
                self.ended.set()

        feed.behaviours[method] = behaviour


ONE, TWO = {"sort_id": 1, "text": "one"}, {"sort_id": 2, "text": "two\nlines"}
ONE_JSON, TWO_JSON = b'{"sortId":"1","text":"one"}', b'{"sortId":"2","text":"two\\nlines"}'


@pytest.mark.parametrize(
    ("accept", "kind", "expected"),
    [
        (EVENTS, EVENTS, b"retry: 3000\n\nid: 1\ndata: " + ONE_JSON + b"\n\nid: 2\ndata: " + TWO_JSON + b"\n\n"),
        (ARRAY, ARRAY, b"[" + ONE_JSON + b",\n" + TWO_JSON + b"]"),
        ("application/json, text/plain, */*", ARRAY, b"[" + ONE_JSON + b",\n" + TWO_JSON + b"]"),
        (LINES, LINES, b'{"result":' + ONE_JSON + b'}\n{"result":' + TWO_JSON + b"}\n"),
        ("*/*", LINES, b'{"result":' + ONE_JSON + b'}\n{"result":' + TWO_JSON + b"}\n"),
        ("text/html, */*;q=0.8", LINES, b'{"result":' + ONE_JSON + b'}\n{"result":' + TWO_JSON + b"}\n"),
        (
            "application/json;q=0.2, application/x-ndjson;q=0.3",
            LINES,
            b'{"result":' + ONE_JSON + b'}\n{"result":' + TWO_JSON + b"}\n",
        ),
    ],
)
async def test_a_stream_comes_in_the_form_that_the_client_takes(
    feed: StandIn, client: Conversation, accept: str, kind: str, expected: bytes
) -> None:
    sends(feed, ONE, TWO)
    await client.ask(WATCH, f"Accept: {accept}", "Accept-Encoding: gzip")
    assert client.status == 200
    assert client.headers is not None
    assert client.headers["content-type"] == kind
    assert client.headers["cache-control"] == "no-cache"
    assert client.headers["x-accel-buffering"] == "no"
    assert client.headers["x-request-id"] == feed.last.header("x-request-id")
    assert "content-encoding" not in client.headers
    assert await client.rest() == expected
    await client.ask(WATCH, "Accept: application/json")
    assert json.loads(await client.rest()) == [json.loads(ONE_JSON), json.loads(TWO_JSON)]


@pytest.mark.parametrize(("accept", "body"), [(EVENTS, b"retry: 3000\n\n"), (ARRAY, b"[]"), (LINES, b"")])
async def test_a_stream_without_messages_is_whole(
    feed: StandIn, client: Conversation, accept: str, body: bytes
) -> None:
    sends(feed)
    await client.ask(WATCH, f"Accept: {accept}")
    assert (client.status, await client.rest()) == (200, body)


async def test_a_client_that_takes_no_form_of_it_is_told_so_and_nobody_is_called(
    feed: StandIn, client: Conversation
) -> None:
    await client.ask(WATCH, "Accept: image/png, application/json;q=0")
    assert client.status == 406
    error = json.loads(await client.content())["error"]
    assert EVENTS in error["message"]
    assert not feed.asked


@pytest.mark.parametrize("accept", [EVENTS, ARRAY, LINES, "*/*"])
async def test_a_failure_before_the_first_message_is_answered_as_any_other(
    feed: StandIn, client: Conversation, accept: str
) -> None:
    sends(feed, grpc.StatusCode.PERMISSION_DENIED)
    await client.ask(WATCH, f"Accept: {accept}")
    assert client.status == 403
    assert client.headers is not None
    assert client.headers["content-type"] == "application/json"
    assert json.loads(await client.content())["error"]["status"] == "PERMISSION_DENIED"


async def test_a_service_that_sends_only_its_metadata_first_may_still_fail_with_a_status(
    feed: StandIn, client: Conversation
) -> None:
    async def behaviour(_request: Any, call: Any) -> AsyncIterator[Any]:
        await call.send_initial_metadata((("etag", '"x"'),))
        await call.abort(grpc.StatusCode.NOT_FOUND, "gone")
        yield None

    feed.behaviours["Watch"] = behaviour
    await client.ask(WATCH)
    assert client.status == 404


async def test_events_and_lines_that_fail_end_with_the_error(
    feed: StandIn, client: Conversation, edge: ListeningEdge
) -> None:
    sends(feed, ONE, grpc.StatusCode.ABORTED)
    await client.ask(WATCH, f"Accept: {EVENTS}")
    event, _, data = (await client.rest()).partition(b"event: error\n")
    assert event == b"retry: 3000\n\nid: 1\ndata: " + ONE_JSON + b"\n\n"
    assert data.startswith(b"data: {")
    assert data.endswith(b"}\n\n")
    error = json.loads(data.removeprefix(b"data: "))["error"]
    assert (error["code"], error["status"], error["message"]) == (409, "ABORTED", "no more")

    await client.ask(WATCH)
    assert client.headers is not None
    first, last, nothing = (await client.rest()).split(b"\n")
    assert (json.loads(first), nothing) == ({"result": json.loads(ONE_JSON)}, b"")
    error = json.loads(last)["error"]
    assert error["details"][1]["requestId"] == client.headers["x-request-id"]
    assert edge.count("aviary_http_streams_total", code="ABORTED", **ROUTE) == 2
    assert edge.count("aviary_http_stream_messages_total", **ROUTE) == 2
    assert edge.count("aviary_http_streams_open", **ROUTE) == 0
    assert edge.count("aviary_http_requests_total", method="GET", status="200", **ROUTE) == 2


async def test_an_array_that_fails_is_not_closed_and_its_connection_is_cut(feed: StandIn, client: Conversation) -> None:
    sends(feed, ONE, TWO, grpc.StatusCode.UNAVAILABLE)
    await client.ask(WATCH, f"Accept: {ARRAY}")
    assert client.status == 200
    assert await client.rest_of_cut() == b"[" + ONE_JSON + b",\n" + TWO_JSON


async def test_a_message_that_json_cannot_say_is_a_failure_in_the_stream_and_its_text_stays_inside(
    feed: StandIn, client: Conversation
) -> None:
    sends(feed, ONE, {"extra": {"type_url": "type.googleapis.com/secret.Thing", "value": b"x"}})
    await client.ask(WATCH)
    _, last, _ = (await client.rest()).split(b"\n")
    assert json.loads(last)["error"]["code"] == 500
    assert b"secret" not in last


async def test_bytes_of_http_bodies_are_joined_as_they_are(feed: StandIn, client: Conversation) -> None:
    parts: list[dict[str, Any]] = [
        {"content_type": "image/png", "data": b"\x89PNG"},
        {"data": b""},
        {"data": b"\r\n\0"},
    ]
    sends(feed, *parts, method="Download")
    await client.ask("/v1/files/a.png", "Accept: application/json")
    assert client.headers is not None
    assert client.headers["content-type"] == "image/png"
    assert await client.rest() == b"\x89PNG\r\n\0"
    sends(feed, *parts, grpc.StatusCode.INTERNAL, method="Download")
    await client.ask("/v1/files/a.png")
    assert await client.rest_of_cut() == b"\x89PNG\r\n\0"


async def test_a_quiet_stream_of_events_says_that_it_lives(feed: StandIn, client: Conversation) -> None:
    stream = Open(feed)
    await client.ask(WATCH, f"Accept: {EVENTS}")
    assert client.status == 200
    assert await client.chunk() == b"retry: 3000\n\n"
    for _ in range(2):
        assert await client.chunk() == b": keep-alive\n\n"
    stream.waiting.put_nowait(ONE)
    stream.waiting.put_nowait(None)
    assert (await client.rest()).endswith(b"id: 1\ndata: " + ONE_JSON + b"\n\n")


async def test_messages_come_one_by_one_as_they_are_sent(feed: StandIn, client: Conversation) -> None:
    stream = Open(feed)
    stream.waiting.put_nowait(ONE)
    await client.ask(WATCH)
    assert await client.chunk() == b'{"result":' + ONE_JSON + b"}\n"
    stream.waiting.put_nowait(TWO)
    assert await client.chunk() == b'{"result":' + TWO_JSON + b"}\n"
    stream.waiting.put_nowait(None)
    assert await client.chunk() == b""


async def test_a_message_without_place_leaves_the_client_the_one_it_has(feed: StandIn, client: Conversation) -> None:
    sends(feed, {"text": "a"}, {"sort_id": -5})
    await client.ask(WATCH, f"Accept: {EVENTS}")
    events = (await client.rest()).split(b"\n\n")
    assert events[1] == b'data: {"sortId":"0","text":"a"}'
    assert events[2].startswith(b"id: -5\n")


async def test_a_place_that_is_a_text_cannot_forge_an_event(feed: StandIn, client: Conversation) -> None:
    places = ["a:1", "x\ndata: forged", "y\rz", "n\0", ""]
    sends(feed, *({"sort_id": place} for place in places), method="Follow")
    await client.ask("/v1/topics/t:follow", f"Accept: {EVENTS}")
    events = (await client.rest()).split(b"\n\n")[1:-1]
    assert [event.startswith(b"id: ") for event in events] == [True, False, False, False, False]
    assert events[1] == b'data: {"sortId":"x\\ndata: forged"}'


@pytest.mark.parametrize(
    ("target", "since_id"), [(WATCH, 17), (WATCH + "?sinceId=5", 17), (WATCH + "?since_id=17&topic=a", 17)]
)
async def test_a_client_that_connects_again_goes_on_behind_its_last_event(
    feed: StandIn, client: Conversation, target: str, since_id: int
) -> None:
    """A browser repeats the URL it began with: what it has seen since goes before that."""
    await client.ask(target, f"Accept: {EVENTS}", "Last-Event-ID: 17")
    await client.rest()
    assert feed.last.request.since_id == since_id


async def test_a_last_event_id_that_is_none_is_refused(feed: StandIn, client: Conversation) -> None:
    await client.ask(WATCH, "Last-Event-ID: x17")
    assert client.status == 400
    violations = json.loads(await client.content())["error"]["details"][-1]["fieldViolations"]
    assert violations[0]["field"] == "Last-Event-ID"
    await client.ask(WATCH + "?sinceId=5", "Last-Event-ID:")
    await client.rest()
    assert [asked.request.since_id for asked in feed.asked] == [5]
    await client.ask("/v1/topics/t:follow", "Last-Event-ID: x17")
    await client.rest()
    assert client.status == 200


async def test_a_client_that_leaves_ends_the_call(feed: StandIn, edge: ListeningEdge) -> None:
    stream = Open(feed)
    stream.waiting.put_nowait(ONE)
    async with conversation(edge.port) as client:
        await client.ask(WATCH)
        await client.chunk()
        assert edge.count("aviary_http_streams_open", **ROUTE) == 1
    await asyncio.wait_for(stream.ended.wait(), 10)
    await wait_until(lambda: edge.count("aviary_http_streams_total", code="CANCELLED", **ROUTE) == 1)
    assert edge.count("aviary_http_streams_open", **ROUTE) == 0


async def test_a_client_that_leaves_before_the_first_message_ends_the_call(feed: StandIn, edge: ListeningEdge) -> None:
    stream = Open(feed)
    async with conversation(edge.port) as client:
        client.writer.write(f"GET {WATCH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await asyncio.wait_for(stream.begun.wait(), 10)
    await asyncio.wait_for(stream.ended.wait(), 10)
    await wait_until(lambda: edge.count("aviary_http_requests_total", method="GET", status="499", **ROUTE) == 1)


async def test_a_head_has_the_headers_of_the_stream_and_ends_the_call(feed: StandIn, client: Conversation) -> None:
    stream = Open(feed)
    stream.waiting.put_nowait(ONE)
    await client.ask(WATCH, f"Accept: {EVENTS}", method="HEAD")
    assert client.status == 200
    assert client.headers is not None
    assert client.headers["content-type"] == EVENTS
    await asyncio.wait_for(stream.ended.wait(), 10)
    quiet = Open(feed)
    await client.ask(WATCH, f"Accept: {EVENTS}", method="HEAD")
    await asyncio.wait_for(quiet.ended.wait(), 10)
    sends(feed, ONE)
    await client.ask(WATCH)
    assert json.loads(await client.rest()) == {"result": json.loads(ONE_JSON)}


async def test_events_end_at_their_time_and_others_say_that_they_are_not_whole(
    feed: StandIn, client: Conversation, edge: ListeningEdge
) -> None:
    """The time of the contract, a second: a browser connects again, whether or not it has had a message."""
    stream = Open(feed, "Glance")
    await client.ask("/v1/feed:glance", f"Accept: {EVENTS}")
    events = await client.rest()
    assert (client.status, events.replace(b": keep-alive\n\n", b"")) == (200, b"retry: 3000\n\n")
    await asyncio.wait_for(stream.ended.wait(), 10)
    assert feed.last.seconds <= 1
    assert edge.count("aviary_http_streams_total", code="OK", route="/v1/feed:glance") == 1

    await client.ask("/v1/feed:glance")
    assert client.status == 504
    await client.content()


async def test_a_stream_that_had_messages_ends_at_its_time_as_its_form_says(feed: StandIn, edge: ListeningEdge) -> None:
    async def behaviour(_request: Any, _call: Any) -> AsyncIterator[Any]:
        yield feed.response("Watch", **ONE)
        await asyncio.Event().wait()

    feed.behaviours["Watch"] = behaviour

    async def received(accept: str) -> bytes:
        async with conversation(edge.port) as client:
            await client.ask(WATCH, f"Accept: {accept}", "Grpc-Timeout: 2S")
            assert client.status == 200
            return await (client.rest_of_cut() if accept == ARRAY else client.rest())

    lines, events, array = await asyncio.gather(*(received(accept) for accept in (LINES, EVENTS, ARRAY)))
    assert json.loads(lines.splitlines()[1])["error"]["status"] == "DEADLINE_EXCEEDED"
    assert b"error" not in events
    assert events.startswith(b"retry: 3000\n\nid: 1\ndata: " + ONE_JSON + b"\n\n")
    assert array == b"[" + ONE_JSON


async def test_a_stream_may_last_as_long_as_the_setting_says_where_the_contract_does_not(
    feed: StandIn, client: Conversation
) -> None:
    sends(feed)
    for timeout, seconds in ((), 900.0), (("Grpc-Timeout: 1H",), 900.0), (("Grpc-Timeout: 20S",), 20.0):
        await client.ask(WATCH, *timeout)
        await client.rest()
        # gRPC writes long ones in whole seconds.
        assert seconds - 5 < feed.last.seconds <= seconds + 1
    await client.ask(WATCH, "Grpc-Timeout: soon")
    assert client.status == 400


async def test_what_a_service_says_in_its_metadata_comes_with_the_stream(feed: StandIn, client: Conversation) -> None:
    async def behaviour(_request: Any, call: Any) -> AsyncIterator[Any]:
        await call.send_initial_metadata((("ratelimit-remaining", "5"), ("cache-control", "max-age=9"), ("x-s", "1")))
        yield feed.response("Watch", **ONE)

    feed.behaviours["Watch"] = behaviour
    await client.ask(WATCH)
    assert client.headers is not None
    assert client.headers["ratelimit-remaining"] == "5"
    assert client.headers["cache-control"] == "no-cache"
    assert "x-s" not in client.headers


async def test_a_stream_may_be_asked_for_with_a_body_and_show_a_part(feed: StandIn, client: Conversation) -> None:
    sends(feed, ONE, TWO)
    await client.ask(WATCH, method="POST", body=b'{"sinceId": 4, "topic": "t"}')
    await client.rest()
    assert (feed.last.request.since_id, feed.last.request.topic) == (4, "t")
    await client.ask("/v1/texts:watch", f"Accept: {ARRAY}")
    assert json.loads(await client.rest()) == ["one", "two\nlines"]


async def test_streams_of_requests_are_not_served(client: Conversation) -> None:
    await client.ask("/v1/feed:gather", method="POST", body=b"{}")
    assert client.status == 404

"""What is no request, or could be two, is refused and ends its connection; so does what takes too long."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import pytest

from edge_proxy.config import ConnectionLimits, EdgeConfig
from edge_proxy.connection import MOST_BEFORE_BODY_BYTES
from tests.services.edge_proxy.listening_edge import ListeningEdge, listening
from tests.services.edge_proxy.raw_http import PATIENCE, conversation
from tests.services.edge_proxy.stand_in import StandIn
from tests.support.wait_until import wait_until

LIBRARY = "library.v1.Library"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/books/5:lend HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SOON = timedelta(milliseconds=400)


def config(library: StandIn, limits: ConnectionLimits) -> EdgeConfig:
    targets = {LIBRARY: f"ipv4:127.0.0.1:{library.port}"}
    return EdgeConfig(contracts=library.contracts, upstreams=targets, connections=limits)


@pytest.fixture
async def edge(library: StandIn) -> AsyncIterator[ListeningEdge]:
    async with listening(config(library, ConnectionLimits())) as edge:
        yield edge


@pytest.fixture
async def hasty(library: StandIn) -> AsyncIterator[ListeningEdge]:
    """One that waits for nobody."""
    limits = ConnectionLimits(header_time=SOON, body_time=SOON, reader_time=SOON, per_address=3)
    async with listening(config(library, limits)) as edge:
        yield edge


async def statuses(port: int, *parts: bytes) -> list[int]:
    """The statuses of all answers until the edge closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        answers = await asyncio.wait_for(reader.read(), PATIENCE)
    finally:
        writer.close()
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", answers)]


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: -1\r\n\r\n{}",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/books/5:lend HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: x\n\n",
        CHUNKED + b"2\r\n{}XX0\r\n\r\n",
        CHUNKED + b"2\n{}\n0\n\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x/../y@z\r\n\r\n",
        b"GET http://y/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x@y/healthz HTTP/1.1\r\nHost: y\r\n\r\n",
    ],
)
async def test_after_a_request_that_could_be_two_nothing_more_is_served(
    edge: ListeningEdge, library: StandIn, sent: bytes
) -> None:
    assert await statuses(edge.port, sent + NEXT) == [400]
    assert not library.asked


async def test_a_chunk_extension_without_end_is_refused(edge: ListeningEdge, library: StandIn) -> None:
    extension = b"2;a=" + b"b" * (MOST_BEFORE_BODY_BYTES + 1)
    assert await statuses(
        edge.port, CHUNKED, *(extension[i : i + 20_000] for i in range(0, len(extension), 20_000))
    ) == [400]
    assert not library.asked


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n",
        b"GET http://x/healthz HTTP/1.1\r\nHost: X\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
        b"\r\n\r\n" + NEXT,
    ],
)
async def test_what_is_unusual_and_means_one_thing_is_served(edge: ListeningEdge, sent: bytes) -> None:
    assert await statuses(edge.port, sent + NEXT + b"x\r\n\r\n") == [200, 200]


async def test_an_upgrade_is_passed_over_and_the_connection_ends(edge: ListeningEdge) -> None:
    for protocol in ("h2c", "websocket"):
        async with conversation(edge.port) as client:
            await client.ask("/healthz", "Connection: Upgrade", f"Upgrade: {protocol}")
            assert client.status == 200
            assert client.headers is not None
            assert client.headers["connection"] == "close"
            await client.content()
            assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""


async def test_an_answer_in_progress_is_not_broken_by_what_follows_it(edge: ListeningEdge, library: StandIn) -> None:
    may_answer = asyncio.Event()

    async def slow(_request: object, _call: object) -> object:
        await may_answer.wait()
        return library.response("GetBook", id=5)

    library.behaviours["GetBook"] = slow
    async with conversation(edge.port) as client:
        client.writer.write(b"GET /v1/books/5 HTTP/1.1\r\nHost: x\r\n\r\n")
        await wait_until(lambda: library.asked)
        client.writer.write(b"nonsense\r\n\r\n" + NEXT)
        await client.writer.drain()
        may_answer.set()
        await client.read_head()
        assert client.status == 200
        assert b'"id":"5"' in await client.content()
        assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""


async def test_slow_headers_end_the_connection(hasty: ListeningEdge) -> None:
    assert await statuses(hasty.port, b"GET /healthz HTT") == [408]
    assert await statuses(hasty.port, NEXT + b"GET /healthz HTTP/1.1\r\nHost: ") == [200, 408]


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
async def test_a_connection_without_a_request_is_closed(hasty: ListeningEdge, sent: bytes) -> None:
    assert await statuses(hasty.port, sent) == []


async def test_a_line_end_behind_a_request_keeps_no_connection(hasty: ListeningEdge) -> None:
    """It ends uvicorn's own wait for the next request, and begins none."""
    async with conversation(hasty.port) as client:
        await client.ask("/healthz")
        await client.content()
        client.writer.write(b"\r\n")
        assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""


async def test_headers_that_trickle_in_win_no_time(hasty: ListeningEdge) -> None:
    async with conversation(hasty.port) as client:
        client.writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
        ended = asyncio.ensure_future(client.read_head())  # noqa: TID251 - awaited below
        while not ended.done():
            client.writer.write(b"G")
            await asyncio.wait([ended], timeout=0.05)
        await ended
        assert client.status == 408


async def test_a_slow_body_is_answered_408_and_ends_the_connection(hasty: ListeningEdge, library: StandIn) -> None:
    slow = POST + b"Content-Length: 20\r\n\r\n{"
    assert await statuses(hasty.port, slow) == [408]
    assert await statuses(hasty.port, CHUNKED + b"5\r\n{") == [408]
    assert not library.asked
    assert hasty.count("aviary_http_requests_total", method="POST", route="/v1/books/{id}:lend", status="408") == 2


async def test_a_slow_body_that_nobody_waits_for_ends_the_connection(hasty: ListeningEdge) -> None:
    assert await statuses(hasty.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nx") == [200]


async def test_a_client_that_does_not_read_is_cut_off(hasty: ListeningEdge, library: StandIn) -> None:
    library.answers("GetBook", title="x" * 3_000_000)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", hasty.port))
        for _ in range(3):
            await loop.sock_sendall(client, b"GET /v1/books/5 HTTP/1.1\r\nHost: x\r\n\r\n")

        async def read_all() -> int:
            count = 0
            while part := await loop.sock_recv(client, 1 << 20):
                count += len(part)
            return count

        await wait_until(lambda: library.asked)
        await wait_until(lambda: not hasty.open_connections())
        assert await asyncio.wait_for(read_all(), PATIENCE) < 9_000_000


async def test_one_address_has_no_more_connections_than_allowed(library: StandIn) -> None:
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with listening(config(library, ConnectionLimits(per_address=3))) as edge, AsyncExitStack() as stack:
        for _ in range(2):
            client = await stack.enter_async_context(conversation(edge.port))
            await client.ask("/healthz")
        async with conversation(edge.port) as client:
            await client.ask("/healthz")
            with suppress(ConnectionResetError):
                assert await statuses(edge.port, last) == []
        await wait_until(lambda: len(edge.open_connections()) == 2)
        assert await statuses(edge.port, last) == [200]

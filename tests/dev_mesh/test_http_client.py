"""The small HTTP client against a real server: kept connections, endings, silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from dev_mesh.http_client import NoAnswer, open_http


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives one answer per request, over as many connections as come, and its requests."""
    requests: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            requests.append(head)
            answer = left.pop(0)
            writer.write(answer)
            if b"content-length" not in answer:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
    finally:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nX-Request-Id: 7\r\ncontent-length: 2\r\n\r\nhi"


async def test_requests_share_a_connection_and_answers_come_whole() -> None:
    async with serving(OK, OK) as (url, requests), open_http(url) as client:
        for _ in range(2):
            answer = await client.request("GET", "/x", headers={"a": "b"})
            assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, b"hi", "7")
    assert len(requests) == 2
    assert requests[0].startswith(b"GET /x HTTP/1.1\r\n")
    assert b"\r\na: b\r\n" in requests[0]


async def test_a_connection_that_ends_before_the_answer_is_no_answer() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nx: y\r\n") as (url, _), open_http(url) as client:
        with pytest.raises(NoAnswer, match="before the answer"):
            await client.request("GET", "/")


async def test_nobody_there_is_no_answer() -> None:
    async with serving() as (url, _):
        pass
    async with open_http(url) as client:
        with pytest.raises(NoAnswer):
            await client.request("GET", "/")


async def test_silence_ends_with_the_patience() -> None:
    async with serving(b"") as (url, _), open_http(url, patience=timedelta(seconds=0.05)) as client:
        with pytest.raises(NoAnswer):
            await client.request("GET", "/")

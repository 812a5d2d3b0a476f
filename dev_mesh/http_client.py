"""A small HTTP/1.1 client with kept connections, for the tour, the loader and the readiness checks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httptools

_READ_SIZE = 65_536


class NoAnswer(Exception):
    """The connection failed or ended before a whole answer was there. The request may have been carried out."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON is what it is
        """The body, parsed; raises ValueError when it is not JSON."""
        return json.loads(self.body)


class _Incoming:
    """Collects one answer from the parser's calls."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_complete = True


class HttpClient:
    """Requests to one server, over at most `connections` connections. Made by `open_http`."""

    def __init__(self, base_url: str, *, connections: int, patience: timedelta) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._patience = patience.total_seconds()
        self._free = asyncio.Semaphore(connections)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def request(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> HttpAnswer:
        """Send it and wait for the whole answer. Raises NoAnswer; nothing is sent twice."""
        lines = [f"{method} {target} HTTP/1.1", f"host: {self._host}:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        content = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
        async with self._free:
            try:
                async with asyncio.timeout(self._patience):
                    return await self._exchange(content, is_head=method == "HEAD")
            except (OSError, TimeoutError, httptools.HttpParserError) as error:
                raise NoAnswer(f"{method} {target}: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Close the kept connections."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _exchange(self, content: bytes, *, is_head: bool) -> HttpAnswer:
        reader, writer = await self._connection()
        try:
            writer.write(content)
            incoming = _Incoming()
            parser = httptools.HttpResponseParser(incoming)
            while not incoming.is_complete and not (is_head and incoming.headers):
                parser.feed_data(await _more(reader))
            answer = HttpAnswer(parser.get_status_code(), incoming.headers, bytes(incoming.body))
        except BaseException:
            writer.close()
            raise
        if parser.should_keep_alive() and not is_head:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return answer

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)


async def _more(reader: asyncio.StreamReader) -> bytes:
    received = await reader.read(_READ_SIZE)
    if not received:
        raise ConnectionResetError("the connection ended before the answer")
    return received


@asynccontextmanager
async def open_http(
    base_url: str, *, connections: int = 1, patience: timedelta = timedelta(seconds=10)
) -> AsyncIterator[HttpClient]:
    """A client for one server, such as "http://127.0.0.1:8080"; its connections close at the end.

    A request that has no whole answer after `patience` raises NoAnswer.
    """
    client = HttpClient(base_url, connections=connections, patience=patience)
    try:
        yield client
    finally:
        await client.close()

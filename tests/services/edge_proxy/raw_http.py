"""HTTP/1.1 by hand, over a real socket: what exactly comes, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

PATIENCE = 20


@dataclass
class Conversation:
    """A connection to the edge, and the head of the last answer on it; header names are in lower case."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int = 0
    headers: dict[str, str] | None = None

    async def ask(self, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> None:
        """Send a request and read the head of its answer."""
        head = [f"{method} {target} HTTP/1.1", "Host: x", *lines]
        if body:
            head.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await self.read_head()

    async def read_head(self) -> None:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        first, *rest = head.decode().rstrip().split("\r\n")
        self.status = int(first.split()[1])
        pairs = [line.split(": ", 1) for line in rest]
        self.headers = {name.lower(): value for name, value in pairs}
        assert len(self.headers) == len(pairs), "a header twice"

    async def chunk(self) -> bytes:
        """The next chunk, b"" for the last. Raises IncompleteReadError when the connection ends instead."""
        size = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE)
        body = await asyncio.wait_for(self.reader.readexactly(int(size, 16) + 2), PATIENCE)
        return body[:-2]

    async def rest(self) -> bytes:
        """All chunks to the last."""
        whole: list[bytes] = []
        await self._collect(whole)
        return b"".join(whole)

    async def rest_of_cut(self) -> bytes:
        """All chunks of an answer that ends without its last one."""
        whole: list[bytes] = []
        with pytest.raises(asyncio.IncompleteReadError) as cut:
            await self._collect(whole)
        assert not cut.value.partial
        return b"".join(whole)

    async def _collect(self, whole: list[bytes]) -> None:
        while chunk := await self.chunk():
            whole.append(chunk)

    async def content(self) -> bytes:
        """The body of an answer that says how long it is."""
        assert self.headers is not None
        return await asyncio.wait_for(self.reader.readexactly(int(self.headers["content-length"])), PATIENCE)


@asynccontextmanager
async def conversation(port: int) -> AsyncIterator[Conversation]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Conversation(reader, writer)
    finally:
        writer.close()

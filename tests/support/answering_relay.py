"""A relay to a Cassandra node that answers statements in its place: with what a node seldom gives."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.support.wait_until import wait_until

HEADER = struct.Struct(">BBhBi")
EXECUTE, ERROR, READY = 0x0A, 0x00, 0x02
ANSWER_OF_V4 = 0x84


@dataclass
class Answering:
    """What the next statements are answered with, each once: an opcode and a body, or nothing. Others are passed on."""

    answers: list[tuple[int, bytes] | None] = field(default_factory=list)
    # How many statements came, answered here or not, and the latest of them without its header.
    asked: int = 0
    latest: bytes = b""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def came(self, asked: int) -> None:
        """Return when so many statements have come in all."""

        async def is_so() -> bool:
            return self.asked >= asked

        await wait_until(is_so)

    def cut(self) -> None:
        """End all connections."""
        for writer in tuple(self.writers):
            writer.close()


@asynccontextmanager
async def answering_relay(port: int, behind: int) -> AsyncIterator[Answering]:
    """From `port` of loopback to the port `behind` it, for protocol version 4 without compression and TLS."""
    answering = Answering()

    async def ask(reader: asyncio.StreamReader, node: asyncio.StreamWriter, client: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while header := await reader.readexactly(HEADER.size):
                _, _, place, opcode, length = HEADER.unpack(header)
                body = await reader.readexactly(length)
                if opcode == EXECUTE:
                    answering.asked, answering.latest = answering.asked + 1, body
                if opcode == EXECUTE and answering.answers:
                    if given := answering.answers.pop(0):
                        kind, text = given
                        client.write(HEADER.pack(ANSWER_OF_V4, 0, place, kind, len(text)) + text)
                else:
                    node.write(header + body)
        node.close()

    async def answer(reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(64 * 1024):
                client.write(data)
        client.close()

    async def connected(reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        from_node, node = await asyncio.open_connection("127.0.0.1", behind)
        answering.writers |= {client, node}
        await asyncio.gather(ask(reader, node, client), answer(from_node, client))
        answering.writers -= {client, node}

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield answering
    finally:
        server.close()
        answering.cut()
        await server.wait_closed()


def error(code: int, text: str, more: bytes = b"") -> tuple[int, bytes]:
    """An error of the protocol, with what its code has after the text."""
    return ERROR, struct.pack(">iH", code, len(text)) + text.encode() + more

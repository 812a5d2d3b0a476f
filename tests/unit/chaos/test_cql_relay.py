"""What the relay before a node does to statements and answers, with a node that remembers what reaches it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.chaos.bar import Run, Scale
from tests.faults.chaos.cql_relay import BATCH, ERROR, EXECUTE, HEADER, PREPARE, RESULT, CqlRelay, Values, behind

TEXT, ID = b"INSERT", b"\x01\x02"


def frame(opcode: int, body: bytes, *, place: int = 7) -> bytes:
    return HEADER.pack(4, 0, place, opcode, len(body)) + body


def execute(*values: bytes | None) -> bytes:
    """With a consistency and flags before, and something after the values."""
    parts = [struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value for value in values]
    return struct.pack(">H", len(ID)) + ID + struct.pack(">HBH", 6, 1, len(values)) + b"".join(parts) + b"rest"


async def received(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    """The place, the opcode and the body of the next frame."""
    _, _, place, opcode, length = HEADER.unpack(await reader.readexactly(HEADER.size))
    return place, opcode, await reader.readexactly(length)


class Client:
    """A connection through the relay that has prepared one statement."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, came: list[bytes]) -> None:
        self.reader = reader
        self.writer = writer
        self.came = came

    async def ask(self, opcode: int, body: bytes) -> int:
        """The opcode of the answer."""
        self.writer.write(frame(opcode, body))
        place, answered, _ = await received(self.reader)
        assert place == 7
        return answered


@asynccontextmanager
async def client_of(relay: CqlRelay, folder: Path) -> AsyncIterator[Client]:
    came: list[bytes] = []

    async def node(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                place, opcode, body = await received(reader)
                came.append(body)
                is_learned = opcode == PREPARE
                answer = struct.pack(">iH", 4, len(ID)) + ID if is_learned else struct.pack(">i", 1)
                writer.write(frame(RESULT, answer, place=place))
        except asyncio.IncompleteReadError:
            writer.close()

    async with behind(relay, Run("F13", 1, Scale.CI, "cassandra", folder, print)) as (cluster, flags):
        port = urlsplit(flags[-1].partition("=")[2]).port
        server = await asyncio.start_server(node, "127.0.0.1", cluster.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client = Client(reader, writer, came)
        await client.ask(PREPARE, struct.pack(">i", len(TEXT)) + TEXT)
        came.clear()
        yield client
        writer.close()
        server.close()
        await server.wait_closed()


async def test_what_nobody_touches_arrives_as_it_was(tmp_path: Path) -> None:
    async with client_of(CqlRelay(tamper=lambda _text, values: values), tmp_path) as client:
        assert await client.ask(EXECUTE, execute(b"a", None, b"")) == RESULT
        assert client.came == [execute(b"a", None, b"")]


async def test_values_are_replaced_by_others_of_any_length(tmp_path: Path) -> None:
    def tamper(text: str, values: Values) -> Values:
        assert text.encode() == TEXT
        return [b"longer than before", *values[1:]]

    async with client_of(CqlRelay(tamper=tamper), tmp_path) as client:
        await client.ask(EXECUTE, execute(b"a", None))
        assert client.came == [execute(b"longer than before", None)]


async def test_a_statement_is_refused_in_the_place_of_the_node(tmp_path: Path) -> None:
    async with client_of(CqlRelay(tamper=lambda _text, _values: None), tmp_path) as client:
        assert await client.ask(EXECUTE, execute(b"a")) == ERROR
        assert client.came == []


@pytest.mark.parametrize("opcode", [EXECUTE, BATCH])
async def test_answers_to_statements_come_late(tmp_path: Path, opcode: int) -> None:
    relay, loop = CqlRelay(delay=lambda: 0.2), asyncio.get_running_loop()
    async with client_of(relay, tmp_path) as client:
        began = loop.time()
        assert await client.ask(opcode, execute(b"a")) == RESULT
        assert loop.time() - began >= 0.2
        assert (relay.asked, relay.delayed) == (1, 1)

"""A node that refuses a login says why, and only one of its reasons is a wrong password.

The node is a stand-in that knows no more of CQL than that: a real one refuses for the other reasons at moments only.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import Unavailable
from mesh.storage.cassandra_session import CannotConnect, connect
from mesh.storage.url import CassandraUrl
from tests.support.cassandra import TRIAL, store_url
from tests.support.free_ports import free_row
from tests.support.relay import relay
from tests.support.trial_keyspace import opened, ready, schema_in
from tests.support.wait_until import wait_until

REQUEST, ANSWER = 0x04, 0x84
STARTUP, OPTIONS, AUTH_RESPONSE = 0x01, 0x05, 0x0F
ERROR, AUTHENTICATE, SUPPORTED = 0x00, 0x03, 0x06
WRONG_PASSWORD = "Provided username ann and/or password are incorrect"
# More than the driver has reasons to connect with one node.
TIMES = 8
HEADER = struct.Struct("!BBhBI")


def text(value: str) -> bytes:
    """A string, as the protocol has it."""
    return struct.pack("!H", len(value)) + value.encode()


# Two options: which versions of CQL there are, and that nothing is compressed.
SUPPORTS = struct.pack("!H", 2) + text("CQL_VERSION") + struct.pack("!H", 1) + text("3.4.7")
SUPPORTS += text("COMPRESSION") + struct.pack("!H", 0)


@asynccontextmanager
async def refusing_node(code: int, message: str, *, port: int) -> AsyncIterator[list[str]]:
    """Listens there; the list grows with each login that it refuses."""
    refused: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {
            OPTIONS: (SUPPORTED, SUPPORTS),
            STARTUP: (AUTHENTICATE, text("org.apache.cassandra.auth.PasswordAuthenticator")),
            AUTH_RESPONSE: (ERROR, struct.pack("!I", code) + text(message)),
        }
        while len(header := await reader.read(HEADER.size)) == HEADER.size:
            version, _, stream, opcode, length = HEADER.unpack(header)
            assert version == REQUEST
            await reader.readexactly(length)
            kind, body = answers[opcode]
            writer.write(HEADER.pack(ANSWER, 0, stream, kind, len(body)) + body)
            if kind == ERROR:
                refused.append(message)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", port):
        yield refused


@pytest.mark.parametrize(
    ("code", "message", "is_password"),
    [
        (0x0100, WRONG_PASSWORD, True),
        (0x0100, "Unable to perform authentication: Cannot achieve consistency level QUORUM", False),
        (0x0000, "Server is shutting down", False),
        (0x1001, "Server is shutting down", False),
    ],
)
async def test_only_a_refused_password_is_called_wrong(
    tmp_path: Path, code: int, message: str, is_password: bool
) -> None:
    port = free_row(1)
    async with refusing_node(code, message, port=port):
        url = CassandraUrl(("127.0.0.1",), port, "ann", "pa55-of-ann", "aviary", "dc1")
        with pytest.raises(CannotConnect) as raised:
            await asyncio.to_thread(connect, url, component="tweet", schema=tmp_path)
    told = str(raised.value)
    assert ("password is wrong" in told) == is_password
    assert is_password or message in told
    assert "\n" not in told
    assert url.password not in told


async def test_who_was_refused_while_a_node_starts_is_let_in_afterwards(tmp_path: Path) -> None:
    """The driver takes such an answer for the last: all calls would fail until the service is started again."""
    url, port = store_url(TRIAL), free_row(1)
    async with AsyncExitStack() as stack:
        async with relay(port, url.port):
            cassandra = await stack.enter_async_context(opened(replace(url, port=port), schema_in(tmp_path)))
            await ready(cassandra)
        with pytest.raises(Unavailable):
            await cassandra.ping()
        async with refusing_node(0x0100, WRONG_PASSWORD, port=port) as refused:
            await wait_until(lambda: len(refused) >= TIMES, at_most=30)
        async with relay(port, url.port):
            await ready(cassandra)

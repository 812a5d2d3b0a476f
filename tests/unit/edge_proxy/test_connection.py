"""A connection ends with its client."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import weakref
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from edge_proxy.config import ConnectionLimits
from edge_proxy.connection import Connection, connections
from tests.support.wait_until import wait_until

RESET = struct.pack("ii", 1, 0)


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_nothing_is_kept_of_a_client_that_reset_its_connection() -> None:
    config = Config(
        answer, http=connections(ConnectionLimits()), ws="none", lifespan="off", log_config=None, timeout_keep_alive=75
    )
    config.load()
    made: list[weakref.ref[Connection]] = []

    def connection() -> Connection:
        one = Connection(config=config, server_state=ServerState(), app_state={}, limits=ConnectionLimits())
        made.append(weakref.ref(one))
        return one

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"ok")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.close()

        def is_forgotten() -> bool:
            gc.collect()
            return made[0]() is None

        await wait_until(is_forgotten)
    assert len(made) == 1

"""Servers that hang up as soon as a connection is up, as one that is killed may: who calls them outlives that."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.keys import write_keys

ROOT = Path(__file__).parents[3]
# What ends a handshake of HTTP/2: the server's SETTINGS, without any.
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
SERVERS = 20
# Without local pools of connections gRPC 1.85 fell after one to three seconds of it.
SECONDS = 6
LEAST_CONNECTIONS = 500


async def test_servers_that_hang_up_end_no_process(tmp_path: Path) -> None:
    _, key = write_keys(tmp_path)
    hung_up = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hung_up
        await reader.read(24)
        writer.write(SETTINGS)
        writer.close()
        hung_up += 1

    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(await asyncio.start_server(hang_up, "127.0.0.1", 0)) for _ in range(SERVERS)
        ]
        ports = [str(server.sockets[0].getsockname()[1]) for server in servers]
        caller = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "tests.services.mesh.hung_up_on", str(key), str(SECONDS), *ports],
            cwd=ROOT,
            env={"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await caller.communicate()
    assert (caller.returncode, said) == (0, b"done")
    assert hung_up >= LEAST_CONNECTIONS

"""The edge as its users start it: `python -m edge_proxy`, with requests over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 20


@dataclass
class EdgeProcess:
    """A process that listens at `port`, and the lines it logs."""

    process: Process
    port: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def log(self, message: str) -> dict[str, Any]:
        """The next line with this message."""
        assert self.process.stderr is not None
        while True:
            line = json.loads(await asyncio.wait_for(self.process.stderr.readline(), PATIENCE))
            self.lines.append(line)
            if line["message"] == message:
                return dict(line)

    async def exchange(self, *parts: bytes) -> bytes:
        """Write the parts on a new connection, and read until the edge closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()

    async def is_closed(self) -> bool:
        """Whether new connections are refused."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except ConnectionRefusedError:
            return True
        writer.close()
        return False

    async def ended(self) -> int:
        """The exit code, once there is one."""
        assert self.process.stderr is not None
        rest = await asyncio.wait_for(self.process.stderr.read(), PATIENCE)
        self.lines += [json.loads(line) for line in rest.splitlines()]
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


async def start(*arguments: str, **settings: str) -> Process:
    """The process, with nothing of this one's environment but what Python needs."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
        **settings,
    }
    command = (sys.executable, "-P", "-m", "edge_proxy", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)


@asynccontextmanager
async def edge_process(*arguments: str, **settings: str) -> AsyncIterator[EdgeProcess]:
    """An edge on a free port that listens."""
    process = await start("--listen", "127.0.0.1:0", *arguments, **settings)
    edge = EdgeProcess(process)
    try:
        address = (await edge.log("listening"))["address"]
        edge.port = int(address.rpartition(":")[2])
        yield edge
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def outcome(*arguments: str, **settings: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a process that ends by itself."""
    process = await start(*arguments, **settings)
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()

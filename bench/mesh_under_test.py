"""A mesh of its own for the bench, in a temporary folder, started and stopped like any other."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from dev_mesh.options import Store

# Room for the ports that follow the edge's (see `python -m dev_mesh --help`).
PORTS_IN_A_ROW = 40
READY_WITHIN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class MeshUnderTest:
    """Where the mesh can be reached, and which processes it consists of."""

    folder: Path
    edge: str
    pids: dict[str, int]
    addresses: dict[str, str]


@asynccontextmanager
async def running_mesh(folder: Path, *, store: Store = "sqlite") -> AsyncIterator[MeshUnderTest]:
    """Start a mesh with shipped settings on free ports and stop it afterwards. Raises RuntimeError with its output."""
    command = [sys.executable, "-m", "dev_mesh", "up", "--no-tour", "--store", store]
    command += ["--data-dir", str(folder), "--edge-port", str(free_row(PORTS_IN_A_ROW))]
    with (folder / "bench-mesh.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            await _ready(process, folder)
            yield _read(folder)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await process.wait()


def _read(folder: Path) -> MeshUnderTest:
    state = json.loads((folder / "mesh.json").read_text())
    processes = state["processes"]
    return MeshUnderTest(
        folder=folder,
        edge=state["edge"],
        pids={process["name"]: process["pid"] for process in processes},
        addresses={process["name"]: process["address"] for process in processes},
    )


async def _ready(process: asyncio.subprocess.Process, folder: Path) -> None:
    for _ in range(READY_WITHIN_SECONDS * 10):
        if process.returncode is not None:
            break
        if (folder / "mesh.json").exists() and await _answers(_read(folder).edge):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"the mesh did not start:\n{(folder / 'bench-mesh.log').read_text()[-4000:]}")


async def _answers(edge: str) -> bool:
    host, port = edge.removeprefix("http://").split(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.write(f"GET /readyz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.split(b" ", 2)[1:2] == [b"200"]


def free_row(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for first in range(18080, 30000, count):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise RuntimeError(f"no {count} free ports in a row between 18080 and 30000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

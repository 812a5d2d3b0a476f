"""A Cassandra of its own for the bench, in a temporary folder; or one that runs already."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.mesh_under_test import free_row

STARTED_WITHIN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class CassandraUnderTest:
    """The store URL of each service ("tweet"), and the processes of the nodes that are on this machine."""

    urls: dict[str, str]
    pids: dict[str, int]


def given_cassandra(urls: Path) -> CassandraUnderTest:
    """One whose URLs are in a JSON file such as `python -m dev_mesh.cassandra up` writes."""
    mesh = urls.with_name("mesh.json")
    processes = json.loads(mesh.read_text())["processes"] if mesh.exists() else []
    nodes = {process["name"]: process["pid"] for process in processes if process["service"] == "cassandra"}
    return CassandraUnderTest(json.loads(urls.read_text()), nodes)


@asynccontextmanager
async def local_cassandra(folder: Path) -> AsyncIterator[CassandraUnderTest]:
    """Start one node with shipped settings and stop it afterwards. Raises RuntimeError with its output."""
    port, log = free_row(2), folder / "bench-cassandra.log"
    command = [sys.executable, "-m", "dev_mesh.cassandra", "up", "--data-dir", str(folder)]
    command += ["--port", str(port), "--storage-port", str(port + 1)]
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            await _ready(process, log)
            yield given_cassandra(folder / "store_urls.json")
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await process.wait()


async def _ready(process: asyncio.subprocess.Process, log: Path) -> None:
    for _ in range(STARTED_WITHIN_SECONDS * 10):
        if process.returncode is not None:
            break
        if "\nready;" in _text(log):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"Cassandra did not start:\n{_text(log)[-4000:]}")


def _text(log: Path) -> str:
    return log.read_text()

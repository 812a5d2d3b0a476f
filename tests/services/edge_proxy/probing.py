"""The edge as its own process in front of the probe contract, and requests to it over sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.edge_proxy.edge_process import EdgeProcess, edge_process
from tests.support.probe.server import PROBE, STORE, ProbeServer


@dataclass(frozen=True)
class Reply:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@asynccontextmanager
async def probing_edge(probe: ProbeServer, file: Path, *flags: str, **settings: str) -> AsyncIterator[EdgeProcess]:
    """An edge in front of both services of the contract in `file`."""
    upstreams = [word for name in (PROBE, STORE) for word in ("--upstream", f"{name}=127.0.0.1:{probe.port}")]
    async with edge_process("--descriptors", str(file), *upstreams, *flags, **settings) as edge:
        yield edge


async def sent(
    process: EdgeProcess, verb: str, target: bytes, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Reply:
    """One request on a connection of its own."""
    lines = [f"{verb} ".encode() + target + b" HTTP/1.1", b"Host: probe", b"Connection: close"]
    lines += [f"{name}: {value}".encode() for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}".encode())
    head, _, answer = (await process.exchange(b"\r\n".join(lines) + b"\r\n\r\n" + body)).partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in rest]
    found = {name.lower(): value for name, value in pairs}
    assert len(found) == len(pairs), "a header twice"
    return Reply(int(first.split()[1]), found, answer)

"""`stop NAME`, `start NAME` and `status` reach a running mesh through a socket in its data directory."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from dev_mesh.mesh_file import NotRunning

NAME = "control.sock"
# A socket's path must be shorter than this (unix(7)); a longer one is reached through its folder's descriptor.
_LONGEST_PATH = 100


class Refused(Exception):
    """The mesh would not do it; the message says why."""


@asynccontextmanager
async def open_control(data_dir: Path, act: Callable[[str, str], Awaitable[str]]) -> AsyncIterator[None]:
    """Call `act(command, name)` for every request, and answer what it returns, or the Refused that it raises."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            said = {"ok": True, "text": await act(asked["command"], asked["name"])}
        except Refused as refusal:
            said = {"ok": False, "text": str(refusal)}
        writer.write(json.dumps(said).encode() + b"\n")
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    path = data_dir / NAME
    path.unlink(missing_ok=True)
    with _reachable(path) as address:
        server = await asyncio.start_unix_server(answer, address)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def ask(data_dir: Path, command: str, name: str = "") -> str:
    """Have the running mesh do it, and return what it says. Raises NotRunning and Refused."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            with _reachable(data_dir / NAME) as address:
                connection.connect(address)
        except OSError:
            raise NotRunning(f"no mesh runs on {data_dir}; start one with `make up`") from None
        connection.sendall(json.dumps({"command": command, "name": name}).encode() + b"\n")
        with connection.makefile() as lines:
            said = json.loads(lines.readline() or '{"ok": false, "text": "the mesh ended before it answered"}')
    if not said["ok"]:
        raise Refused(said["text"])
    return str(said["text"])


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) < _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)

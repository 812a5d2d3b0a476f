"""A TCP relay on loopback that can stop passing anything on, as a network or a frozen process does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def relay(port: int, behind: int, *, host: str = "127.0.0.1") -> AsyncIterator[asyncio.Event]:
    """From `port` to the port `behind` it, for as long as the event it yields is set; it is at first."""
    flows = asyncio.Event()
    flows.set()
    writers: set[asyncio.StreamWriter] = set()
    connections: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(64 * 1024):
                await flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
        writers.discard(writer)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", behind)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pass_on(reader, to_writer), pass_on(to_reader, writer))

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(connected(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accepted, host, port)
    try:
        yield flows
    finally:
        server.close()
        flows.set()
        for writer in tuple(writers):
            writer.close()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()

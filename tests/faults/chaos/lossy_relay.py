"""Stands between services and NATS, and drops some of the confirmations that the services send."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.support.wait_until import wait_until

PUBLISHES = (b"PUB", b"HPUB")


@dataclass
class Losses:
    """What share of the confirmations is dropped, and how many came and were."""

    share: float
    chance: random.Random
    came: int = 0
    dropped: int = 0

    def takes(self, subject: bytes) -> bool:
        """Whether a message on that subject is dropped."""
        if not subject.startswith(b"confirm."):
            return False
        self.came += 1
        is_dropped = self.chance.random() < self.share
        self.dropped += is_dropped
        return is_dropped


@asynccontextmanager
async def lossy_relay(port: int, behind: int, losses: Losses) -> AsyncIterator[None]:
    """From `port` to the NATS at the port `behind` it, on loopback, until the block ends."""
    open_writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        both = [writer]
        open_writers.add(writer)
        try:
            with suppress(OSError):
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", behind)
                both.append(to_writer)
                open_writers.add(to_writer)
                await asyncio.gather(_to_nats(reader, to_writer, losses), _from_nats(to_reader, writer))
        finally:
            for one in both:
                one.close()
            open_writers.difference_update(both)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for writer in tuple(open_writers):
            writer.close()
        await wait_until(lambda: not open_writers)


async def _to_nats(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, losses: Losses) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while line := await reader.readline():
            words = line.split()
            if words and words[0].upper() in PUBLISHES:
                message = await reader.readexactly(int(words[-1]) + 2)
                if losses.takes(words[1]):
                    continue
                line += message
            writer.write(line)
            await writer.drain()
    writer.close()


async def _from_nats(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while received := await reader.read(64 * 1024):
            writer.write(received)
            await writer.drain()
    writer.close()

"""One connection to NATS that is made in the background and made again for ever, and says little while it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from nats.aio.client import Client
from nats.js import JetStreamContext

from mesh.background import background

_log = logging.getLogger(__name__)

# A half-open connection is noticed after two of these; the client's own default takes minutes.
PING_EVERY = timedelta(seconds=3)
RECONNECT_EVERY = timedelta(seconds=0.5)
API_TIMEOUT = timedelta(seconds=2)
SHORT_PAUSE = timedelta(milliseconds=20)
BETWEEN_WARNINGS = timedelta(seconds=30)


class BusClosed(Exception):
    """The client gave up its connection for good: the process must end and be started again."""


class NatsConnection:
    """The client, and what its callbacks told. `generation` changes with every connect and reconnect."""

    def __init__(self) -> None:
        self.client = Client()
        self.jetstream: JetStreamContext = self.client.jetstream(timeout=API_TIMEOUT.total_seconds())
        self.generation = 0
        self._is_ready = asyncio.Event()
        self._has_begun = False
        self._is_closing = False
        self._is_closed = asyncio.Event()
        self._at_connect: list[Callable[[], Awaitable[None]]] = []
        self._quiet_until: dict[str, float] = {}

    @property
    def is_connected(self) -> bool:
        """Whether a message sent now would leave now. Raises BusClosed."""
        if self._is_closed.is_set():
            raise BusClosed("the connection to NATS is closed")
        return self._is_ready.is_set() and self.client.is_connected

    async def wait_until_connected(self, *, at_most: timedelta) -> bool:
        """Whether there is a connection, now or before the time is over. Raises BusClosed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                while not self.is_connected:
                    await self._is_ready.wait()
                    # The client knows of a loss a moment before it says so.
                    await asyncio.sleep(SHORT_PAUSE.total_seconds())
        return self.is_connected

    async def when_connected(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` once there is a connection, before anything is published. Later reconnects do not run it again."""
        if self._is_ready.is_set() or self.generation:
            await work()
        else:
            self._at_connect.append(work)

    async def connect(self, url: str, *, name: str) -> None:
        """Connect, however long it takes, and stay so. Raises BusClosed when the client gives up."""
        self._has_begun = True
        await self.client.connect(
            url,
            name=name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_EVERY.total_seconds(),  # type: ignore[arg-type]  # a float serves
            ping_interval=PING_EVERY.total_seconds(),  # type: ignore[arg-type]  # a float serves
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_reconnect,
            closed_cb=self._on_close,
        )
        for work in self._at_connect:
            await work()
        self._at_connect.clear()
        await self._on_reconnect()
        await self._is_closed.wait()
        raise BusClosed("the connection to NATS is closed")

    async def close(self) -> None:
        """Send what waits, then close."""
        self._is_closing = True
        if self._has_begun:
            await self.client.close()

    async def _on_reconnect(self) -> None:
        self.generation += 1
        self._is_ready.set()
        _log.info("connected to NATS")

    async def _on_disconnect(self) -> None:
        if self._is_ready.is_set() and not self._is_closing:
            _log.warning("the connection to NATS is lost")
        self._is_ready.clear()

    async def _on_close(self) -> None:
        if not self._is_closing:
            self._is_closed.set()
            self._is_ready.set()

    async def _on_error(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        kind = type(error).__name__
        if now >= self._quiet_until.get(kind, 0.0):
            self._quiet_until[kind] = now + BETWEEN_WARNINGS.total_seconds()
            _log.warning("NATS: %s: %s", kind, error)


@asynccontextmanager
async def open_connection(url: str, *, name: str) -> AsyncIterator[NatsConnection]:
    """A connection that is being made; closed at the end of the block."""
    connection = NatsConnection()
    try:
        async with background(connection.connect(url, name=name), name="the connection to NATS"):
            yield connection
    finally:
        await connection.close()

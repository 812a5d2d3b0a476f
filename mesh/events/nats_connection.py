"""One connection to NATS that is made in the background and made again for ever, and says little while it is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.js import JetStreamContext

from mesh.background import background

_log = logging.getLogger(__name__)

# A half-open connection is noticed after two of these; the client's own default takes minutes.
PING_EVERY = timedelta(seconds=3)
RECONNECT_EVERY = timedelta(seconds=0.5)
API_TIMEOUT = timedelta(seconds=2)
LOOK_EVERY = timedelta(milliseconds=20)
BETWEEN_WARNINGS = timedelta(seconds=30)
# So long may the client take to come back to a server that answers others.
STUCK_AFTER = timedelta(seconds=30)


class BusClosed(Exception):
    """The client gave up its connection for good: the process must end and be started again."""


class NatsConnection:
    """The client, and what its callbacks told. `generation` is 0 before the first connect and grows with each."""

    def __init__(self, url: str, *, name: str, stuck_after: timedelta = STUCK_AFTER) -> None:
        self.client = Client()
        self.jetstream: JetStreamContext = self.client.jetstream(timeout=API_TIMEOUT.total_seconds())
        self.generation = 0
        self._url = url
        self._name = name
        self._stuck_after = stuck_after
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
        return self.generation > 0 and self.client.is_connected

    async def wait_until_connected(self, *, at_most: timedelta) -> bool:
        """Whether there is a connection, now or before the time is over. Raises BusClosed."""
        # Looking, not listening: the client knows of a loss before it tells, and may tell in another order.
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                while not self.is_connected:  # noqa: ASYNC110 - as said
                    await asyncio.sleep(LOOK_EVERY.total_seconds())
        return self.is_connected

    async def when_connected(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` once there is a connection, before anything is published. Later reconnects do not run it again."""
        if self.generation:
            await work()
        else:
            self._at_connect.append(work)

    async def run(self) -> None:
        """Connect, however long it takes, and stay so. Raises BusClosed when the client gives up, or hangs."""
        self._has_begun = True
        await self.client.connect(
            self._url,
            name=self._name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_EVERY.total_seconds(),  # type: ignore[arg-type]  # a float serves
            ping_interval=PING_EVERY.total_seconds(),  # type: ignore[arg-type]  # a float serves
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_connect,
            closed_cb=self._on_close,
        )
        while self._at_connect:
            await self._at_connect.pop(0)()
        await self._on_connect()
        away_since: float | None = None
        while self.is_connected or not await self._is_stuck(away_since):
            if self.is_connected:
                away_since = None
            elif away_since is None:
                away_since = asyncio.get_running_loop().time()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stuck_after.total_seconds() / 10):
                    await self._is_closed.wait()
        raise BusClosed("the client does not come back to a NATS that answers")

    async def close(self) -> None:
        """Send what waits, then close."""
        self._is_closing = True
        if self._has_begun:
            await self.client.close()

    async def _is_stuck(self, away_since: float | None) -> bool:
        """Whether the client should be back: its tasks can die without a word."""
        now = asyncio.get_running_loop().time()
        if away_since is None or now - away_since < self._stuck_after.total_seconds():
            return False
        address = urlsplit(self._url)
        try:
            async with asyncio.timeout(API_TIMEOUT.total_seconds()):
                reader, writer = await asyncio.open_connection(address.hostname, address.port or 4222)
                try:
                    return (await reader.readline()).startswith(b"INFO ")
                finally:
                    writer.close()
        except OSError:
            return False

    async def _on_connect(self) -> None:
        self.generation += 1
        _log.info("connected to NATS")

    async def _on_disconnect(self) -> None:
        if self.generation and not self._is_closing:
            _log.warning("the connection to NATS is lost")

    async def _on_close(self) -> None:
        if not self._is_closing:
            self._is_closed.set()

    async def _on_error(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        kind = type(error).__name__
        if now >= self._quiet_until.get(kind, 0.0):
            self._quiet_until[kind] = now + BETWEEN_WARNINGS.total_seconds()
            _log.warning("NATS: %s: %s", kind, error)


@asynccontextmanager
async def open_connection(url: str, *, name: str) -> AsyncIterator[NatsConnection]:
    """A connection that is being made; closed at the end of the block."""
    connection = NatsConnection(url, name=name)
    try:
        async with background(connection.run(), name="the connection to NATS"):
            yield connection
    finally:
        await connection.close()

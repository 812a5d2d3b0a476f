"""The two commands that the cache of bodies uses, in this process. Values end in virtual time."""

from __future__ import annotations

from typing import Any

from mesh.clock import Clock
from mesh.errors import Unavailable
from tests.simulation.faults import Port
from views.cache import RedisCommands


class MemoryRedis:
    """What it holds outlives the processes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[str, tuple[bytes, float]] = {}

    def forget_all(self) -> None:
        """What FLUSHALL does."""
        self._values.clear()

    async def mget(self, keys: tuple[str, ...]) -> list[bytes | None]:
        now = self._clock.monotonic()
        found = [self._values.get(key) for key in keys]
        return [value[0] if value and value[1] > now else None for value in found]

    async def set(self, key: str, value: bytes, seconds: int, *, if_absent: bool) -> None:
        now = self._clock.monotonic()
        stored = self._values.get(key)
        if not (if_absent and stored and stored[1] > now):
            self._values[key] = value, now + seconds


class RedisPort(RedisCommands):
    """Speaks to it as the services do; a failure is that of a lost connection."""

    def __init__(self, port: Port) -> None:
        self._port = port

    async def execute_command(self, *command: str | int | bytes) -> Any:
        try:
            if command[0] == "MGET":
                return await self._port.mget(command[1:])
            name, key, value, _, seconds, *condition = command
            assert name == "SET"
            return await self._port.set(key, value, seconds, if_absent=bool(condition))
        except Unavailable as away:
            raise ConnectionError("the simulated Redis is away") from away

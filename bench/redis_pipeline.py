"""What a look-up of 20 cached tweets costs through redis-py and through our one connection, side by side.

Run as `python -m bench.redis_pipeline`: it starts a Redis of its own on a free port and stops it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench.cpu import cpu_seconds
from dev_mesh.binaries import redis_server
from mesh.storage.redis import open_redis
from mesh.storage.redis_pipeline import open_redis_pipeline

KEYS = [f"tweet:{number}" for number in range(20)]
LOOK_UPS = 4_000
ROUNDS = 3


async def _measure(ask: Callable[[], Awaitable[object]], redis_pid: int, *, callers: int) -> tuple[float, float]:
    """CPU microseconds a look-up, of this process and of Redis."""

    async def caller() -> None:
        for _ in range(LOOK_UPS // callers):
            await ask()

    own, theirs = cpu_seconds(os.getpid()), cpu_seconds(redis_pid)
    await asyncio.gather(*(caller() for _ in range(callers)))
    count = LOOK_UPS // callers * callers
    return 1e6 * (cpu_seconds(os.getpid()) - own) / count, 1e6 * (cpu_seconds(redis_pid) - theirs) / count


async def _compare(url: str, redis_pid: int) -> None:
    async with open_redis(url) as redis, open_redis_pipeline(url) as pipeline:
        await _wait_until_ready(redis)
        await redis.mset(dict.fromkeys(KEYS, b"x" * 300))
        for callers in (1, 8, 32):
            for round_number in range(ROUNDS):
                library = await _measure(lambda: redis.mget(KEYS), redis_pid, callers=callers)
                ours = await _measure(lambda: pipeline.execute_command("MGET", *KEYS), redis_pid, callers=callers)
                print(
                    f"{callers:3} callers, round {round_number + 1}: redis-py {library[0]:5.1f} + {library[1]:4.1f} us,"
                    f" ours {ours[0]:5.1f} + {ours[1]:4.1f} us, ratio {sum(library) / sum(ours):.1f}"
                )


async def _wait_until_ready(redis: Redis) -> None:
    for _ in range(100):
        try:
            await redis.execute_command("PING")  # type: ignore[no-untyped-call]  # redis-py has no types here
        except RedisError:
            await asyncio.sleep(0.05)
        else:
            return


def main() -> None:
    """Print one line a round: CPU of the caller + of Redis for one MGET of 20 values of 300 bytes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(redis_server()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        asyncio.run(_compare(f"redis://127.0.0.1:{port}/0", server.pid))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()

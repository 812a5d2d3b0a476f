"""What befalls a mesh. Each is over when the mesh is told to go on; whether it does is for others to see."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redis.asyncio import Redis

from dev_mesh.control import ask
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

READY_SECONDS = 90.0
# How long posts come in that nobody takes.
UNTAKEN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Loss:
    """A blow that takes something away, and how much that was: with nothing it was none."""

    told: str
    amount: int

    def __str__(self) -> str:
        return self.told


async def kill_anything(mesh: RunningMesh, chance: random.Random) -> str:
    """One process ends as in a crash, and starts again by itself. Only who is at work is worth killing."""
    return await _kill(mesh, chance.choice([process["name"] for process in mesh.processes()]))


async def kill_nats(mesh: RunningMesh, _chance: random.Random) -> str:
    """The broker ends as in a crash, and starts again on its store."""
    return await _kill(mesh, "nats")


def killing(name: str) -> Callable[[RunningMesh, random.Random], Coroutine[None, None, str]]:
    """A blow: that process ends as in a crash, and starts again."""

    async def kill(mesh: RunningMesh, _chance: random.Random) -> str:
        return await _kill(mesh, name)

    return kill


async def lose_nats(mesh: RunningMesh, _chance: random.Random) -> str:
    """The broker loses all it had on disk, and with it what nobody has taken yet: its taker was away for a moment."""
    for command, name in (("stop", "timeline_svc-work"), ("stop", "nats")):
        await asyncio.to_thread(ask, mesh.data_dir, command, name)
        await asyncio.sleep(UNTAKEN_SECONDS)
    await asyncio.to_thread(shutil.rmtree, Path(mesh.find("nats")["directory"]))
    for name in ("nats", "timeline_svc-work"):
        await asyncio.to_thread(ask, mesh.data_dir, "start", name)
    return "nats with its store"


async def empty_redis(mesh: RunningMesh, _chance: random.Random) -> str:
    """FLUSHALL: no timeline, no cached body and no tombstone is left."""
    async with Redis.from_url(mesh.find("redis")["address"]) as redis:
        await redis.flushall()
    return "redis emptied"


async def evict_some(mesh: RunningMesh, chance: random.Random) -> Loss:
    """Of all keys 30 % are gone, as with a policy that evicts: timelines, bodies, tombstones, records."""
    async with Redis.from_url(mesh.find("redis")["address"]) as redis:
        keys = sorted([key async for key in redis.scan_iter(count=1_000)])
        chosen, evicted = chance.sample(keys, len(keys) * 3 // 10), 0
        for start in range(0, len(chosen), 1_000):
            evicted += await redis.unlink(*chosen[start : start + 1_000])
    return Loss(f"{evicted} of {len(keys)} keys evicted", evicted)


async def _kill(mesh: RunningMesh, name: str) -> str:
    await until_ready(mesh, name)
    pid = mesh.signal(name, signal.SIGKILL)
    # Until the supervisor has noticed, mesh.json names the dead one, and the next blow would fall on it.
    await wait_until(lambda: mesh.find(name)["pid"] != pid, at_most=READY_SECONDS)
    return name


async def until_started_again(mesh: RunningMesh, name: str, *, pid: int) -> None:
    """The process `pid` has ended, and another one of that name answers."""
    await wait_until(lambda: mesh.find(name)["pid"] not in {pid, None}, at_most=READY_SECONDS)
    await until_ready(mesh, name)


async def until_ready(mesh: RunningMesh, name: str) -> None:
    """It answers."""
    await wait_until(partial(_is_ready, mesh, name), at_most=READY_SECONDS)


def _is_ready(mesh: RunningMesh, name: str) -> bool:
    lines = (line.split() for line in ask(mesh.data_dir, "status").splitlines())
    return any(words[:2] == [name, "ready"] for words in lines)

"""What a delivery costs: one tweet pushed into 500 timelines, CPU of Redis and of the caller, variants side by side.

As in a link of a fan-out, what became of it is recorded; `--unrecorded` adds a variant without.

Run as `python -m bench.redis_push`: each variant has a Redis of its own on a free port, configured as the mesh's. A
variant is the store as it is, with one more line of configuration (`--setting "appendonly yes"`), or with other scripts
(`--scripts FOLDER`, which holds all the Lua files of timeline_svc/store/redis).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.cpu import cpu_seconds
from dev_mesh.binaries import redis_server
from dev_mesh.redis_conf import redis_conf, redis_url
from mesh.clock import SystemClock
from mesh.storage.redis_pipeline import PipelinedRedis, open_redis_pipeline
from timeline_svc.model import LinkOutcome, TimelineLimits
from timeline_svc.store.redis import RedisFanoutRecords, RedisTimelineStore, Scripts, home_keys, script_texts

SHARDS = 16
# Ids are as far apart as if people posted every few milliseconds.
FIRST_ID = 1_900_000_000_000_000_000
APART = 4_194_304 * 7
PASSWORD = "bench"


@dataclass(slots=True)
class Variant:
    """One way to do it, and what it cost: microseconds a delivery, of Redis and of this process, by round."""

    name: str
    setting: str = ""
    scripts: Path | None = None
    is_recorded: bool = True
    redis_us: list[float] = field(default_factory=list)
    own_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Server:
    """A running Redis, and the store that uses it."""

    variant: Variant
    pid: int
    redis: PipelinedRedis
    store: RedisTimelineStore
    records: RedisFanoutRecords


@dataclass(frozen=True, slots=True)
class Load:
    """How much of everything."""

    timelines: int
    entries: int
    followers: int
    posts: int
    in_flight: int


def main() -> None:
    """Parse the flags, run, print one line a variant."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.redis_push", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--setting", action="append", default=[], help="one more line of redis.conf; may be repeated")
    parser.add_argument("--scripts", action="append", default=[], type=Path, help="a folder of Lua; may be repeated")
    parser.add_argument("--unrecorded", action="store_true", help="also without the records of GetFanoutStatus")
    parser.add_argument("--timelines", type=int, default=1000, help="how many there are (default 1000)")
    parser.add_argument("--entries", type=int, default=60, help="ids in each at first (default 60; 800 is full)")
    parser.add_argument("--followers", type=int, default=500, help="timelines that a post goes to (default 500)")
    parser.add_argument("--posts", type=int, default=96, help="posts a round (default 96)")
    parser.add_argument("--in-flight", type=int, default=8, help="posts at a time (default 8)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each variant, interleaved (default 5)")
    flags = parser.parse_args()
    load = Load(flags.timelines, flags.entries, flags.followers, flags.posts, flags.in_flight)
    variants = [
        Variant("as it is"),
        *(Variant(setting, setting=setting) for setting in flags.setting),
        *([Variant("unrecorded", is_recorded=False)] if flags.unrecorded else []),
        *(Variant(folder.name, scripts=folder) for folder in flags.scripts),
    ]
    asyncio.run(_compare(variants, load, rounds=flags.rounds))
    width = max(len(variant.name) for variant in variants)
    print(
        f"{load.entries} entries, {load.followers} of {load.timelines} timelines a post; us a delivery, median (least)"
    )
    for variant in variants:
        redis, own = (f"{statistics.median(us):.2f} ({min(us):.2f})" for us in (variant.redis_us, variant.own_us))
        print(f"{variant.name:{width}}   redis {redis}   caller {own}")


async def _compare(variants: Sequence[Variant], load: Load, *, rounds: int) -> None:
    chance = random.Random(7)
    owners = [FIRST_ID + APART * number for number in range(load.timelines)]
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(_running(variant)) for variant in variants]
        for _ in range(rounds):
            audiences = [chance.sample(owners, load.followers) for _ in range(load.posts)]
            for server in servers:
                await _fill(server, owners, load)
                await _measure(server, audiences, load)


@asynccontextmanager
async def _running(variant: Variant) -> AsyncIterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="aviary-push-") as folder:
        conf = Path(folder) / "redis.conf"
        conf.write_text(redis_conf(port=port, directory=Path(folder), password=PASSWORD) + variant.setting + "\n")
        process = await asyncio.create_subprocess_exec(redis_server(), conf, stdout=subprocess.DEVNULL)
        url = redis_url(port=port, password=PASSWORD)
        try:
            await _answers(port)
            async with open_redis_pipeline(url, at_most=timedelta(seconds=30)) as redis:
                scripts = Scripts(script_texts(variant.scripts))
                store = RedisTimelineStore(
                    redis, key_of=home_keys(SHARDS), scripts=scripts, limits=TimelineLimits(), clock=SystemClock()
                )
                kept_for = timedelta(days=1 if variant.is_recorded else 0)
                records = RedisFanoutRecords(redis, scripts=scripts, kept_for=kept_for)
                yield Server(variant, process.pid, redis, store, records)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _answers(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError("redis-server did not start")


async def _fill(server: Server, owners: Sequence[int], load: Load) -> None:
    """Make all timelines anew. Full ones differ in how soon they are trimmed, as after a long time."""
    limits = TimelineLimits()
    for number, owner in enumerate(owners):
        more = number % (limits.slack + 1) if load.entries >= limits.capacity else 0
        ids = [FIRST_ID - APART * age for age in range(load.entries + more)]
        await server.store.drop(owner)
        generation = await server.store.begin_build(owner)
        if generation is None or not await server.store.finish_build(owner, generation, ids, floor=0):
            raise RuntimeError("a timeline could not be made")
    for _ in range(300):
        if b"aof_rewrite_in_progress:0" in await server.redis.execute_command("INFO", "persistence"):
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("Redis writes its file without end")


async def _measure(server: Server, audiences: Sequence[Sequence[int]], load: Load) -> None:
    waiting = iter(enumerate(audiences))
    held = 0
    clock = SystemClock()

    async def poster() -> None:
        nonlocal held
        for number, audience in waiting:
            tweet_id = FIRST_ID + APART * (number + 1)
            count = await server.store.push(tweet_id, audience)
            held += count
            outcome = LinkOutcome(0, count, len(audience) - count, clock.now_us(), len(audience))
            await server.records.record(tweet_id, 0, outcome)

    own, theirs = cpu_seconds(os.getpid()), cpu_seconds(server.pid)
    await asyncio.gather(*(poster() for _ in range(load.in_flight)))
    deliveries = load.posts * load.followers
    server.variant.own_us.append(1e6 * (cpu_seconds(os.getpid()) - own) / deliveries)
    server.variant.redis_us.append(1e6 * (cpu_seconds(server.pid) - theirs) / deliveries)
    if held != deliveries:
        raise RuntimeError(f"{held} of {deliveries} deliveries")


if __name__ == "__main__":
    main()

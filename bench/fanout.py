"""What a post costs up to the last follower's timeline, how soon it is seen, and what a timeline weighs."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis.asyncio

from aviary.timeline.v1 import timeline_service_pb2
from bench.cpu import CpuReading, per_operation_ms
from bench.http_load import tool
from bench.mesh_under_test import MeshUnderTest
from bench.population import Person, Stubs, post
from timeline_svc.store.redis import member

DEADLINE_SECONDS = 30
ENTRIES = 800


@dataclass(frozen=True, slots=True)
class PostCost:
    """CPU milliseconds by process for one post and all its deliveries."""

    followers: int
    cpu_ms: dict[str, float]


async def measure_posts(
    mesh: MeshUnderTest, stubs: Stubs, author: Person, followers: Sequence[Person], *, posts: int, in_flight: int
) -> PostCost:
    """Post `posts` tweets and wait until every follower's timeline holds each of them."""
    before = CpuReading.of(mesh.pids)

    async def writer() -> list[int]:
        texts = [f"bench post {number} to {len(followers)} followers" for number in range(posts // in_flight)]
        return [await post(stubs, author, text) for text in texts]

    ids = [one for written in await asyncio.gather(*(writer() for _ in range(in_flight))) for one in written]
    # Watching costs Redis time too: watch a few, read the CPU, and only then look at all.
    await _wait_until_delivered(mesh, [author, followers[0], followers[-1]], ids)
    used = CpuReading.of(mesh.pids).since(before)
    await _wait_until_delivered(mesh, followers, ids)
    return PostCost(len(followers), per_operation_ms(used, len(ids)))


async def measure_visibility(stubs: Stubs, author: Person, follower: Person, *, posts: int) -> tuple[float, float]:
    """Milliseconds from the acknowledgement of a post to the follower's page that shows it: p50 and p99, idle mesh."""
    newest = timeline_service_pb2.ListHomeTimelineRequest(page_size=1)
    waits = []
    for number in range(posts):
        tweet_id = await post(stubs, author, f"how soon is this seen? {number}")
        began = time.perf_counter()
        while True:
            page = await stubs.timeline.ListHomeTimeline(newest, metadata=follower.metadata, timeout=DEADLINE_SECONDS)
            if page.items and page.items[0].tweet.tweet_id == tweet_id:
                break
        waits.append(1000 * (time.perf_counter() - began))
        # Apart from each other, as posts of people are.
        await asyncio.sleep(0.03)
    return statistics.median(waits), sorted(waits)[int(0.99 * len(waits))]


async def measure_redis_ceiling(mesh: MeshUnderTest) -> float:
    """Deliveries per core-second of bare `ZADD` and `ZREMRANGEBYRANK` by redis-benchmark against the mesh's own Redis.

    A delivery is one of each. Its keys begin with "bench:" and are removed afterwards.
    """
    program, environment = tool("redis-benchmark")
    where = urlsplit(mesh.addresses["redis"])
    seconds = 0.0
    count = 200_000
    ceiling_commands = (
        ("ZADD", "bench:__rand_int__", "0", "1799000000000000000"),
        ("ZREMRANGEBYRANK", "bench:__rand_int__", "0", "-9000"),
    )
    for command in ceiling_commands:
        before = CpuReading.of({"redis": mesh.pids["redis"]})
        server = ["-h", where.hostname or "", "-p", str(where.port), "-a", where.password or ""]
        arguments = [*server, "-n", str(count), "-P", "64", "-c", "16", "-r", "1000", "-q", *command]
        child = await asyncio.create_subprocess_exec(
            program, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        printed, _ = await child.communicate()
        if child.returncode != 0:
            raise RuntimeError(f"redis-benchmark failed: {printed.decode()}")
        seconds += CpuReading.of({"redis": mesh.pids["redis"]}).since(before)["redis"] / count
    async with redis.asyncio.from_url(mesh.addresses["redis"]) as client:
        async for key in client.scan_iter(match="bench:*", count=1000):
            await client.delete(key)
    return 1 / seconds


async def measure_timeline_bytes(mesh: MeshUnderTest) -> int:
    """Bytes that Redis uses for a timeline of 800 entries: the mean of the longest ten, carried to 800."""
    async with redis.asyncio.from_url(mesh.addresses["redis"]) as client:
        lengths = [(await client.zcard(key), key) async for key in client.scan_iter(match="tl:*", count=1000)]
        longest = sorted(lengths, reverse=True)[:10]
        used = [(await client.memory_usage(key, samples=0) or 0) / (length - 1) for length, key in longest]
    return int(ENTRIES * statistics.mean(used))


async def _wait_until_delivered(mesh: MeshUnderTest, owners: Sequence[Person], ids: Sequence[int]) -> None:
    members = [member(tweet_id) for tweet_id in ids]
    deadline = time.monotonic() + DEADLINE_SECONDS
    async with redis.asyncio.from_url(mesh.addresses["redis"]) as client:
        keys = {int(key.rsplit(b":", 1)[1]): key async for key in client.scan_iter(match="tl:*", count=1000)}
        for owner in owners:
            while None in await client.zmscore(keys[owner.user_id], members):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"not all of {len(ids)} posts were delivered within {DEADLINE_SECONDS} s")
                await asyncio.sleep(0.02)

"""The home page of 20 with authors, counts, viewer state and token: through the edge, and by a direct gRPC call."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc

from aviary.timeline.v1 import timeline_service_pb2
from aviary.type.v1 import tweet_pb2
from bench.cpu import CpuReading, cpu_seconds, per_operation_ms
from bench.http_load import HttpLoad, load
from bench.mesh_under_test import MeshUnderTest
from bench.population import Person, Stubs, each, repeated
from mesh.calls.target import CallTarget

PAGE_SIZE = 20
PATH = f"/v1/timelines/home?page_size={PAGE_SIZE}&expansions=EXPANSION_AUTHOR"
DEADLINE_SECONDS = 5
METHOD = "/aviary.timeline.v1.TimelineService/ListHomeTimeline"
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class PageCost:
    """CPU by process for one page, and what the load saw."""

    connections: int
    cpu_ms: dict[str, float]
    load: HttpLoad


async def read_every_page(stubs: Stubs, viewers: Sequence[Person]) -> list[Person]:
    """Each viewer's first page once, so that every timeline is there. Returns the viewers whose page is full."""
    asked = timeline_service_pb2.ListHomeTimelineRequest(page_size=PAGE_SIZE, expansions=[tweet_pb2.EXPANSION_AUTHOR])

    async def is_full(viewer: Person) -> bool:
        page = await repeated(
            lambda: stubs.timeline.ListHomeTimeline(asked, metadata=viewer.metadata, timeout=DEADLINE_SECONDS)
        )
        return len(page.items) == PAGE_SIZE

    found = await each(viewers, is_full, what="timelines", in_flight=4)
    return [viewer for viewer, is_one in zip(viewers, found, strict=True) if is_one]


async def measure_pages(mesh: MeshUnderTest, viewers: Sequence[Person], *, connections: int, seconds: int) -> PageCost:
    """Load the edge for `seconds` with viewers drawn at random, after a second of warming up."""
    tokens = mesh.folder / "bench-tokens.txt"
    tokens.write_text("\n".join(viewer.token for viewer in viewers) + "\n")
    await load(mesh.edge, PATH, tokens, connections=connections, seconds=1)
    before = CpuReading.of(mesh.pids)
    seen = await load(mesh.edge, PATH, tokens, connections=connections, seconds=seconds)
    used = CpuReading.of(mesh.pids).since(before)
    if seen.failed:
        raise RuntimeError(f"{seen.failed} of {seen.requests} pages failed")
    return PageCost(connections, per_operation_ms(used, seen.requests), seen)


@dataclass(frozen=True, slots=True)
class EdgeCost:
    """CPU by process for one page: through the edge, by a stub's call, and by a call over a stream; taken in turn."""

    page: PageCost
    by_stub: dict[str, float]
    over_stream: dict[str, float]


async def measure_edge(
    mesh: MeshUnderTest, stubs: Stubs, viewers: Sequence[Person], *, connections: int, seconds: int, calls: int
) -> EdgeCost:
    """Pages through the edge beside the same pages asked of timeline_svc itself, as many in flight, in three rounds.

    "client" is what a direct call costs its caller.
    """
    asked = timeline_service_pb2.ListHomeTimelineRequest(page_size=PAGE_SIZE, expansions=[tweet_pb2.EXPANSION_AUTHOR])

    async def by_stub(viewer: Person) -> object:
        return await stubs.timeline.ListHomeTimeline(asked, metadata=viewer.metadata, timeout=DEADLINE_SECONDS)

    target = mesh.addresses["timeline_svc"]
    async with grpc.aio.insecure_channel(target) as channel:
        carried = CallTarget(channel, target)

        async def over_stream(viewer: Person) -> object:
            body, _ = await carried.call(
                METHOD, asked.SerializeToString(), seconds=DEADLINE_SECONDS, metadata=viewer.metadata
            )
            return timeline_service_pb2.ListHomeTimelineResponse.FromString(body)

        rounds = []
        for number in range(ROUNDS):
            page = await measure_pages(mesh, viewers, connections=connections, seconds=max(1, seconds // ROUNDS))
            direct = [
                await _direct(mesh, viewers, call, calls=calls, in_flight=connections, seed=number)
                for call in (by_stub, over_stream)
            ]
            rounds.append((page, *direct))
        await carried.close()
    pages, *directs = zip(*rounds, strict=True)
    middle = sorted(pages, key=lambda page: page.cpu_ms["all"])[ROUNDS // 2]
    medians = [{name: statistics.median(one[name] for one in taken) for name in taken[0]} for taken in directs]
    return EdgeCost(middle, *medians)


async def _direct(
    mesh: MeshUnderTest,
    viewers: Sequence[Person],
    call: Callable[[Person], Awaitable[object]],
    *,
    calls: int,
    in_flight: int,
    seed: int,
) -> dict[str, float]:
    chance = random.Random(seed)

    async def caller() -> None:
        for _ in range(calls // in_flight):
            await call(chance.choice(viewers))

    before, own = CpuReading.of(mesh.pids), cpu_seconds(os.getpid())
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    used = CpuReading.of(mesh.pids).since(before)
    used["client"] = cpu_seconds(os.getpid()) - own
    return per_operation_ms(used, calls // in_flight * in_flight)

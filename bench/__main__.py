"""`make bench`: start a mesh, fill it, measure it, print one table and keep it as JSON."""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import grpc

from bench.bare_call import measure_bare_call
from bench.cpu import CpuReading, resident_megabytes
from bench.fanout import (
    measure_posts,
    measure_redis_ceiling,
    measure_timeline_bytes,
    measure_visibility,
)
from bench.home_page import measure_edge, measure_pages, read_every_page
from bench.mesh_under_test import MeshUnderTest, running_mesh
from bench.population import Person, Stubs, each, follow, make_graph, open_stubs, post, read_graph, sign_up
from bench.report import Report
from dev_mesh.options import Store

BIG_AUDIENCE = 500
SMALL_AUDIENCE = 100


def main() -> None:
    """Parse the flags and run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--graph", type=Path, help='edge list, "a b" a line, each a friendship; default: a made one')
    parser.add_argument(
        "--people", type=int, default=600, help="accounts when the graph is made (default 600, least 501)"
    )
    parser.add_argument("--posts", type=int, default=3, help="tweets of each account (default 3)")
    parser.add_argument(
        "--store", choices=get_args(Store), default="sqlite", help="where the stores are (default sqlite)"
    )
    parser.add_argument("--seconds", type=int, default=10, help="length of each load (default 10)")
    parser.add_argument(
        "--out", type=Path, default=Path("bench/results"), help="folder for the JSON (default bench/results)"
    )
    arguments = parser.parse_args()
    if arguments.people <= BIG_AUDIENCE:
        parser.error(f"--people must be above {BIG_AUDIENCE}, the audience of one of the measures")
    asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    chance = random.Random(7)
    edges = read_graph(arguments.graph) if arguments.graph else make_graph(arguments.people, 15, chance)
    count = 1 + max(max(edge) for edge in edges)
    report = Report()
    report.figures["machine"] = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    report.figures["grpcio"] = grpc.__version__
    report.figures["store"] = arguments.store
    with tempfile.TemporaryDirectory(prefix="aviary-bench-") as folder:
        async with running_mesh(Path(folder), store=arguments.store) as mesh, open_stubs(mesh) as stubs:
            await _idle(mesh, report)
            print(f"filling: {count} people, {2 * len(edges)} follows, {arguments.posts * count} tweets")
            people = await sign_up(stubs, count, prefix="bench")
            small, big = await sign_up(stubs, 2, prefix="star")
            everybody = [*people, small, big]
            await follow(stubs, everybody, [*edges, *((b, a) for a, b in edges)])
            await follow(stubs, everybody, [(follower, count) for follower in range(SMALL_AUDIENCE)])
            await follow(stubs, everybody, [(follower, count + 1) for follower in range(BIG_AUDIENCE)])
            await _fill(stubs, people, arguments.posts, chance)
            await _measure(mesh, stubs, people, (small, big), report, seconds=arguments.seconds)
    print(report.table())
    print(f"\nkept in {report.save(arguments.out, at=time.strftime('%Y%m%d-%H%M%S'))}")


async def _idle(mesh: MeshUnderTest, report: Report) -> None:
    before, began = CpuReading.of(mesh.pids), time.monotonic()
    await asyncio.sleep(3)
    used = CpuReading.of(mesh.pids).since(before)
    seconds = time.monotonic() - began
    report.figures["idle CPU, ms per second"] = {name: 1000 * spent / seconds for name, spent in used.items()}
    report.figures["resident, MB, idle"] = {name: resident_megabytes(pid) for name, pid in mesh.pids.items()}


async def _quiesce(mesh: MeshUnderTest) -> None:
    """Wait until the workers have nothing to do: under 5 % of a core together over a second, for a minute at most."""
    print("waiting for the workers to finish")
    workers = {name: pid for name, pid in mesh.pids.items() if name not in {"edge", "redis", "nats", "cassandra"}}
    for _ in range(60):
        before = CpuReading.of(workers)
        await asyncio.sleep(1)
        if sum(CpuReading.of(workers).since(before).values()) < 0.05:
            return


async def _fill(stubs: Stubs, people: Sequence[Person], posts: int, chance: random.Random) -> None:
    texts = (
        "Morning. #coffee first",
        "Reading about queues again",
        "@bench1 did you see this?",
        "Shipped it. #finally",
    )
    authors = [author for author in people for _ in range(posts)]
    chance.shuffle(authors)

    async def one(author: Person) -> int:
        return await post(stubs, author, f"{chance.choice(texts)} {chance.random():.6f}")

    await each(authors, one, what="tweets", in_flight=16)


async def _measure(
    mesh: MeshUnderTest,
    stubs: Stubs,
    people: Sequence[Person],
    stars: tuple[Person, Person],
    report: Report,
    *,
    seconds: int,
) -> None:
    small, big = stars
    print("reading every timeline once")
    viewers = await read_every_page(stubs, [*people, *stars])
    report.figures["viewers"] = len(viewers)
    if not viewers:
        raise RuntimeError("nobody follows enough tweets for a full page; give more --posts")
    await _quiesce(mesh)
    bare = await measure_bare_call()
    report.add_bare_call(bare)
    print("home pages over 1 connection")
    report.add_pages(await measure_pages(mesh, viewers, connections=1, seconds=seconds))
    print("home pages over 32 connections, and by direct calls in turn")
    report.add_edge(await measure_edge(mesh, stubs, viewers, connections=32, seconds=seconds, calls=1600))
    report.add_bare_call(await measure_bare_call())
    for author, audience in ((small, SMALL_AUDIENCE), (big, BIG_AUDIENCE)):
        print(f"posts to {audience} followers")
        cost = await measure_posts(mesh, stubs, author, people[:audience], posts=96, in_flight=8)
        report.add_posts(cost)
    print("visibility")
    report.add_visibility(*await measure_visibility(stubs, big, people[BIG_AUDIENCE - 1], posts=200))
    report.add_ceiling(await measure_redis_ceiling(mesh))
    report.figures["bytes of an 800-entry timeline"] = await measure_timeline_bytes(mesh)


if __name__ == "__main__":
    main()

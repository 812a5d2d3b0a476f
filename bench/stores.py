"""`python -m bench.stores`: the stores on SQLite and on Cassandra, in turn, and the client's cost of a statement.

The stores are those of the services, their outbox included, in this process; nobody takes from the outbox.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.load import CLIENT, Cost, measure
from bench.local_cassandra import CassandraUnderTest, given_cassandra, local_cassandra
from bench.opened_stores import open_stores
from bench.statements import TARGETS, open_statements
from bench.store_calls import Asked, Operation
from mesh.process import loop_factory

SERVICES = ("tweet", "graph", "engagement")
ALONE = 40
ALONE_NAME = "insert, the driver alone"


def main() -> None:
    """Parse the flags and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.stores", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="each engine's turns (default 3)")
    parser.add_argument(
        "--store-urls",
        type=Path,
        metavar="FILE",
        help="a cluster for trying, as `python -m dev_mesh.cassandra up` writes it down in store_urls.json; rows are"
        " left in it. Default: a node that is started for this",
    )
    parser.add_argument("--only-statements", action="store_true", help="leave out the stores")
    parser.add_argument(
        "--out", type=Path, default=Path("bench/results"), help="folder for the JSON (default bench/results)"
    )
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    figures: dict[str, Any] = {}
    async with _cassandra(arguments.store_urls) as cassandra:
        if not arguments.only_statements:
            figures["stores"] = await _compare(cassandra, rounds=arguments.rounds)
        figures["statements"] = await _statements(cassandra, rounds=arguments.rounds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.out / f"stores-{time.strftime('%Y%m%d-%H%M%S')}.json"
    kept.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\nkept in {kept}")


@asynccontextmanager
async def _cassandra(urls: Path | None) -> AsyncIterator[CassandraUnderTest]:
    if urls is not None:
        yield given_cassandra(urls)
        return
    with tempfile.TemporaryDirectory(prefix="aviary-bench-") as folder:
        async with local_cassandra(Path(folder)) as cassandra:
            yield cassandra


async def _compare(cassandra: CassandraUnderTest, *, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="aviary-bench-") as folder:
        async with AsyncExitStack() as stack:
            urls = {"SQLite": dict.fromkeys(SERVICES, f"sqlite://{folder}"), "Cassandra": cassandra.urls}
            asked: dict[str, list[Operation]] = {}
            for engine, of_service in urls.items():
                calls = Asked(await stack.enter_async_context(open_stores(of_service)))
                await calls.fill()
                asked[engine] = calls.operations()
            # A round before those that count: statements are prepared, and the node's code is compiled.
            await _rounds(asked, cassandra, rounds=1, say=_silent)
            costs = await _rounds(asked, cassandra, rounds=rounds, say=_progress)
    nodes = list(cassandra.pids)
    width = max(len(name) for name, _ in costs)
    print(f"{'':{width}}  {'':10}{'in':>7}  CPU us{'':{10 * len(nodes)}}  loaded, ms{'':11}alone, ms")
    columns = "".join(f"{name[:9]:>10}" for name in (CLIENT, *nodes))
    print(f"{'':{width}}  {'':10}{'flight':>7}{columns}{'p50':>9}{'p99':>9}{'p50':>9}{'p99':>9}")
    figures: dict[str, Any] = {}
    for (name, engine), (in_flight, loaded, alone) in costs.items():
        cpu = {process: loaded.cpu_us(process) for process in (CLIENT, *(nodes if engine == "Cassandra" else ()))}
        times = [cost.percentile_ms(percent) for cost in (loaded, alone) for percent in (50, 99)]
        cells = "".join(f"{cpu[process]:10.0f}" if process in cpu else " " * 10 for process in (CLIENT, *nodes))
        print(f"{name:{width}}  {engine:10}{in_flight:7}{cells}" + "".join(f"{ms:9.2f}" for ms in times))
        figures[f"{name}, {engine}"] = {
            "in_flight": in_flight,
            "cpu_us": cpu,
            **dict(zip(("p50_ms", "p99_ms", "alone_p50_ms", "alone_p99_ms"), times, strict=True)),
        }
    return figures


async def _rounds(
    asked: dict[str, list[Operation]], cassandra: CassandraUnderTest, *, rounds: int, say: Callable[[str], None]
) -> dict[tuple[str, str], tuple[int, Cost, Cost]]:
    costs: dict[tuple[str, str], tuple[int, Cost, Cost]] = {}
    for number in range(rounds):
        for same in zip(*asked.values(), strict=True):
            for engine, each in zip(asked, same, strict=True):
                say(f"round {number + 1}: {each.name}, {engine}")
                _, loaded, alone = costs.setdefault((each.name, engine), (each.in_flight, Cost(), Cost()))
                loaded.add(await measure(each.call, calls=each.calls, in_flight=each.in_flight, others=cassandra.pids))
                alone.add(await measure(each.call, calls=ALONE, in_flight=1, others={}))
    return costs


async def _statements(cassandra: CassandraUnderTest, *, rounds: int) -> dict[str, Any]:
    costs: dict[str, list[Cost]] = {}
    async with open_statements(cassandra.urls["tweet"]) as statements:
        for number in range(rounds + 1):
            for each in statements.asked:
                cost = await measure(each.call, calls=each.calls, in_flight=each.in_flight, others=cassandra.pids)
                if number:
                    costs.setdefault(each.name, []).append(cost)
            cost = await statements.alone()
            if number:
                costs.setdefault(ALONE_NAME, []).append(cost)
    print("\nCPU us of the client for one prepared statement, 64 in flight")
    figures: dict[str, Any] = {}
    for name, runs in costs.items():
        whole = Cost()
        for run in runs:
            whole.add(run)
        value, each_round = whole.cpu_us(CLIENT), [run.cpu_us(CLIENT) for run in runs]
        target = TARGETS.get(name)
        verdict = "" if target is None else f"target <= {target:g}: {'reached' if value <= target else 'MISSED'}"
        times = f"p50 {whole.percentile_ms(50):.1f} ms, p99 {whole.percentile_ms(99):.1f} ms"
        told = ", ".join(f"{us:.0f}" for us in each_round)
        print(f"{name:26}{value:6.0f}  ({told})  {times}  {verdict}")
        figures[name] = {"cpu_us": value, "rounds": each_round, "target": target}
    return figures


def _progress(text: str) -> None:
    print(text, file=sys.stderr)


def _silent(_text: str) -> None:
    pass


if __name__ == "__main__":
    main()

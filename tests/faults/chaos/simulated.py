"""F51: many seeds of the simulation, where things meet that meet on a real mesh once in a month."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import closing
from multiprocessing import active_children
from threading import Event

from tests.faults.chaos.bar import Amount, Run, Scale
from tests.simulation.many import run_many

# A core takes some two minutes for those of ci; the other one is left to the bars beside it.
SEEDS = Amount(300, 1_500, 10_000)


async def simulate(run: Run) -> None:
    """No seed breaks a promise. It ends at the first that does; others each time, unless the bar's seed is given."""
    is_over = Event()
    try:
        await asyncio.to_thread(_simulate, run, is_over)
    finally:
        is_over.set()


def _simulate(run: Run, is_over: Event) -> None:
    first = run.seed * SEEDS.full
    processes = (os.cpu_count() or 1) if run.scale is Scale.FULL else 1
    counted: Counter[str] = Counter({"seeds": 0})
    with closing(run_many(range(first, first + SEEDS.at(run.scale)), processes=processes)) as results:
        for result in results:
            counted.update(seeds=1, operations=result.operations, faults=sum(result.faults.values()))
            counted["simulated s"] += round(result.seconds)
            found = "; ".join(result.findings)
            run.expect(f"python -m tests.simulation --seed {result.seed}", found, is_so=not found)
            if found or is_over.is_set():
                break
    for process in active_children():  # those of the pool end by themselves
        process.join()
    run.figures |= counted

"""F51: many seeds of the simulation, where things meet that meet on a real mesh once in a month."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import closing

from tests.faults.chaos.bar import Amount, Run
from tests.simulation.many import run_many

SEEDS = Amount(300, 2_000, 10_000)


async def simulate(run: Run) -> None:
    """No seed breaks a promise. It ends at the first that does; others each time, unless the bar's seed is given."""
    await asyncio.to_thread(_simulate, run)


def _simulate(run: Run) -> None:
    first = run.seed * SEEDS.full
    counted: Counter[str] = Counter({"seeds": 0})
    with closing(run_many(range(first, first + SEEDS.at(run.scale)), processes=os.cpu_count() or 1)) as results:
        for result in results:
            counted.update(seeds=1, operations=result.operations, faults=sum(result.faults.values()))
            counted["simulated s"] += round(result.seconds)
            found = "; ".join(result.findings)
            run.expect(f"python -m tests.simulation --seed {result.seed}", found, is_so=not found)
            if found:
                break
    run.figures |= counted

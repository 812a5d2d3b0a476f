"""Many seeds on every core."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.run import Result, run_seed

# Seeds that a process takes at a time.
AT_ONCE = 10
# Runs make few cycles, and looking for them often takes a tenth of the time.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def run_many(seeds: range, *, processes: int) -> Generator[Result, None, None]:
    """Their results in order, without their lines, as they come. Whoever stops listening stops the runs."""
    parts = [seeds[at : at + AT_ONCE] for at in range(0, len(seeds), AT_ONCE)]
    # Not forked: whoever calls may have threads.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        try:
            for results in pool.map(_run_some, parts):
                yield from results
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def prepare() -> None:
    """Of a process: nobody reads the warnings of services that are to fail."""
    logging.disable(logging.CRITICAL)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def _run_some(seeds: range) -> list[Result]:
    results = [run_seed(seed) for seed in seeds]
    for result in results:
        result.lines.clear()
    return results

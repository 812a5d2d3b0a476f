"""Runs many seeds, on every core, or one of them with its history: `python -m tests.simulation --seed 7`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from mesh.clock import SystemClock
from tests.simulation.run import Result, run_seed

# Seeds that a process takes at a time.
AT_ONCE = 10
# Runs make few cycles, and looking for them often takes a tenth of the time.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main() -> int:
    """0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--seed", type=int, help="only this one, with its history")
    parser.add_argument("--until-found", action="store_true", help="stop soon after the first that fails")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    if asked.seed is not None:
        _prepare()
        return _show(run_seed(asked.seed))
    return _run_many(range(asked.first, asked.first + asked.seeds), asked.processes, until_found=asked.until_found)


def run_some(seeds: range) -> list[Result]:
    """In a process of the pool. What happened is long, and not sent back."""
    results = [run_seed(seed) for seed in seeds]
    for result in results:
        result.lines.clear()
    return results


def _prepare() -> None:
    """Of the process: nobody reads the warnings of services that are to fail."""
    logging.disable(logging.CRITICAL)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def _show(result: Result) -> int:
    print("\n".join(result.lines))
    print(f"\nseed {result.seed}: {result.operations} operations of {result.users} users, {result.seconds:.1f} s")
    print(", ".join(f"{count} x {name}" for name, count in sorted(result.faults.items())))
    print("\n".join(["", *result.findings]) if result.findings else "nothing found")
    return bool(result.findings)


def _run_many(seeds: range, processes: int, *, until_found: bool) -> int:
    clock = SystemClock()
    began = clock.monotonic()
    done = operations = failed = 0
    faults: Counter[str] = Counter()
    with ProcessPoolExecutor(processes, initializer=_prepare) as pool:
        parts = [seeds[at : at + AT_ONCE] for at in range(0, len(seeds), AT_ONCE)]
        for result in (result for results in pool.map(run_some, parts) for result in results):
            done += 1
            operations += result.operations
            faults += result.faults
            if result.findings:
                failed += 1
                print(f"seed {result.seed}: {'; '.join(result.findings[:3])}", flush=True)
            if done % 500 == 0:
                print(f"{done} seeds, {failed} failed, {clock.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if failed and until_found:
                pool.shutdown(wait=False, cancel_futures=True)
                break
    took = clock.monotonic() - began
    print(f"{done} seeds: {operations} operations, {sum(faults.values())} faults, {failed} failed, {took:.1f} s")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

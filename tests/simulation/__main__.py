"""Runs many seeds, on every core, or one of them with its history: `python -m tests.simulation --seed 7`."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from contextlib import closing

from mesh.clock import SystemClock
from tests.simulation.many import prepare, run_many
from tests.simulation.run import Result, run_seed


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
        prepare()
        return _show(run_seed(asked.seed))
    return _run_many(range(asked.first, asked.first + asked.seeds), asked.processes, until_found=asked.until_found)


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
    with closing(run_many(seeds, processes=processes)) as results:
        for result in results:
            done += 1
            operations += result.operations
            faults += result.faults
            if result.findings:
                failed += 1
                print(f"seed {result.seed}: {'; '.join(result.findings[:3])}", flush=True)
            if done % 500 == 0:
                print(f"{done} seeds, {failed} failed, {clock.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if failed and until_found:
                break
    took = clock.monotonic() - began
    print(f"{done} seeds: {operations} operations, {sum(faults.values())} faults, {failed} failed, {took:.1f} s")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

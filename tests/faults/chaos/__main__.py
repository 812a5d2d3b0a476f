"""`python -m tests.faults.chaos`: hold the bars on a mesh of real processes, and print one table."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import secrets
import sys
import tempfile
import traceback
from contextlib import closing
from pathlib import Path

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Bar, Run, Scale
from tests.faults.chaos.bars import BARS
from tests.mesh.support.call_log import CallLog


def main() -> int:
    """Parse the flags and hold the bars. Returns the exit code: 0 when all were held, 1 when one was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    scales = [scale.value for scale in Scale]
    parser.add_argument("--scale", choices=scales, default=Scale.CI.value, help="how much of it (default ci)")
    parser.add_argument("--store", choices=("sqlite", "cassandra"), default="sqlite", help="default sqlite")
    parser.add_argument("--bar", action="append", choices=[bar.number for bar in BARS], help="only this; repeatable")
    parser.add_argument("--seed", type=int, help="who does what, and what befalls whom (default: a new one, told)")
    parser.add_argument("--out", type=Path, help="a folder for each bar's figures as JSON, and what else it keeps")
    flags = parser.parse_args()
    if flags.out is not None:
        flags.out.mkdir(parents=True, exist_ok=True)
    # What runs in this process is in trouble on purpose, and would say so.
    logging.basicConfig(level=logging.ERROR)
    chosen = [bar for bar in BARS if not flags.bar or bar.number in flags.bar]
    seed = secrets.randbelow(1_000_000) if flags.seed is None else flags.seed
    print(f"seed {seed}, scale {flags.scale}, store {flags.store}", flush=True)
    held: list[bool] = []
    for bar in chosen:
        print(f"{bar.number}  {bar.title}", flush=True)
        if bar.is_quick or flags.bar or flags.scale != Scale.QUICK.value:
            held.append(_hold(bar, seed=seed, flags=flags))
        else:
            _say("not at this scale")
    print(f"{sum(held)} of {len(held)} bars held; again with --seed {seed}")
    return 0 if all(held) else 1


def _hold(bar: Bar, *, seed: int, flags: argparse.Namespace) -> bool:
    clock = SystemClock()
    began = clock.monotonic()
    kept = flags.out and flags.out / f"{bar.number}-{flags.store}-{flags.scale}"
    with (
        tempfile.TemporaryDirectory(prefix="aviary-chaos-", ignore_cleanup_errors=True) as folder,
        closing(CallLog(kept and kept.with_suffix(".calls.jsonl.gz"))) as calls,
    ):
        run = Run(bar.number, seed, Scale(flags.scale), flags.store, Path(folder), _say, kept, calls)
        try:
            asyncio.run(bar.hold(run))
        except Exception as failure:  # noqa: BLE001 - the other bars are held all the same
            run.broken.append(f"it could not be held: {failure!r}"[:300])
            traceback.print_exc(file=sys.stderr)
    run.figures["took s"] = round(clock.monotonic() - began)
    print(f"     {', '.join(f'{name} {value:g}' for name, value in run.figures.items())}")
    for broken in run.broken:
        print(f"     BROKEN {broken}")
    print(f"     {'held' if run.is_held else 'NOT HELD'}", flush=True)
    if run.kept is not None:
        _keep(bar, run, run.kept)
    return run.is_held


def _say(text: str) -> None:
    print(f"     {text}", flush=True)


def _keep(bar: Bar, run: Run, beginning: Path) -> None:
    kept = {
        "bar": bar.number,
        "title": bar.title,
        "store": run.store,
        "scale": run.scale.value,
        "seed": run.seed,
        "held": run.is_held,
        "broken": run.broken,
        "figures": run.figures,
    }
    beginning.with_suffix(".json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())

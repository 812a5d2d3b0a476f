"""Holds one bar in this process, and tells what was found."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import traceback
from contextlib import closing
from pathlib import Path

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Bar, Run, Scale
from tests.mesh.support.call_log import CallLog


def hold(bar: Bar, *, seed: int, scale: Scale, store: str, out: Path | None, prepared: Path | None) -> bool:
    """Whether it was held. Its lines are printed as they come; with `out` its figures are kept there."""
    clock = SystemClock()
    began = clock.monotonic()
    kept = out and out / f"{bar.number}-{store}-{scale.value}"
    with (
        tempfile.TemporaryDirectory(prefix="aviary-chaos-", ignore_cleanup_errors=True) as folder,
        closing(CallLog(kept and kept.with_suffix(".calls.jsonl.gz"))) as calls,
    ):
        run = Run(bar.number, seed, scale, store, Path(folder), _say, kept, calls, prepared)
        try:
            asyncio.run(bar.hold(run))
        except Exception as failure:  # noqa: BLE001 - it is told as any other finding
            run.broken.append(f"it could not be held: {failure!r}"[:300])
            traceback.print_exc(file=sys.stderr)
    run.figures["cpu s"] = round(cpu_seconds())
    run.figures["took s"] = round(clock.monotonic() - began)
    _say(", ".join(f"{name} {value:g}" for name, value in run.figures.items()))
    for broken in run.broken:
        _say(f"BROKEN {broken}")
    _say("held" if run.is_held else "NOT HELD")
    if run.kept is not None:
        _keep(bar, run, run.kept)
    return run.is_held


def cpu_seconds() -> float:
    """What this process and all below it that have ended took of the cores; on a busy machine it stays what it is."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


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

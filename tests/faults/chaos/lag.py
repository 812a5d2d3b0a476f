"""How late the event loops of a mesh were, by their own metrics since each process last started."""

from __future__ import annotations

import re
import urllib.request

from tests.faults.chaos.bar import Run
from tests.mesh.support.running_mesh import RunningMesh

BUCKET = re.compile(r'^aviary_loop_lag_seconds_bucket{le="([^"]+)"} (\S+)$', re.MULTILINE)
SHARE = 0.99
BEYOND_MS = 10_000.0


def tell_lag(mesh: RunningMesh, run: Run) -> None:
    """The largest and the 99th percentile of each process, in milliseconds, as upper bounds; 10 s is more than 5 s.

    They are told and not judged: a machine that is shared is late by itself.
    """
    for process in mesh.processes():
        if (bounds := _counts(process["metrics"])) and (total := bounds[-1][1]):
            name = process["name"]
            run.figures[f"lag p99 ms {name}"] = _bound(bounds, SHARE * total)
            run.figures[f"lag max ms {name}"] = _bound(bounds, total)


def _counts(address: str) -> list[tuple[float, float]]:
    """How many were at most so many seconds, in rising order; [] for a process without the metric, or that is away."""
    if not address:
        return []
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return []
    # NATS shows something else at its address.
    return [(float(bound), float(count)) for bound, count in BUCKET.findall(text)]


def _bound(bounds: list[tuple[float, float]], enough: float) -> float:
    return next((bound * 1_000 for bound, count in bounds if count >= enough and bound != float("inf")), BEYOND_MS)

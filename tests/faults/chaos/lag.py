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
        text = _read(process["metrics"])
        if BUCKET.search(text):  # NATS shows something else at its address
            name = process["name"]
            run.figures[f"lag p99 ms {name}"], run.figures[f"lag max ms {name}"] = lag_in(text)


def lag_in(text: str) -> tuple[float, float]:
    """The 99th percentile and the largest in a text of metrics."""
    bounds = [(float(bound), float(count)) for bound, count in BUCKET.findall(text)]
    total = bounds[-1][1]
    return _bound(bounds, SHARE * total), _bound(bounds, total)


def _read(address: str) -> str:
    """What a process shows; "" for one that shows nothing, or is away."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError):
        return ""
    return text


def _bound(bounds: list[tuple[float, float]], enough: float) -> float:
    return next((bound * 1_000 for bound, count in bounds if count >= enough and bound != float("inf")), BEYOND_MS)

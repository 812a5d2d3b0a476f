"""How late the event loops of a mesh were, by their own metrics."""

from __future__ import annotations

import re
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping

from mesh.loop_lag import BUCKETS
from tests.faults.chaos.bar import Run
from tests.mesh.support.running_mesh import RunningMesh

BUCKET = re.compile(r'^aviary_loop_lag_seconds_bucket{le="([^"]+)"} (\S+)$', re.MULTILINE)
SHARE = 0.99
BEYOND_MS = 10_000.0
BOUNDS_MS = (0.0, *(bound * 1_000 for bound in BUCKETS), BEYOND_MS)

# How many looks at a loop found it at most so many seconds late, by those seconds.
Counts = Mapping[float, float]


def tell_lag(mesh: RunningMesh, run: Run) -> None:
    """The largest and the 99th percentile of each process since it last started, in milliseconds, as upper bounds.

    10 s is more than 5 s. They are told and not judged: a machine that is shared is late by itself.
    """
    for name, counts in lags_of(mesh).items():
        run.figures[f"lag p99 ms {name}"], run.figures[f"lag max ms {name}"] = p99_of(counts), _bound(counts)


def lags_of(mesh: RunningMesh) -> dict[str, Counts]:
    """What each process tells since it last started; those that have no event loop of ours are left out."""
    counts = {process["name"]: counts_in(_read(process["metrics"])) for process in mesh.processes()}
    return {name: found for name, found in counts.items() if found}


def counts_in(text: str) -> Counts:
    """What a text of metrics tells; nothing when it is somebody else's, such as NATS."""
    return {float(bound): float(count) for bound, count in BUCKET.findall(text)}


def between(before: Counts, now: Counts) -> Counts:
    """What was found between two readings; all of the second when the process was started again in the meantime."""
    if before.get(float("inf"), 0) > now[float("inf")]:
        return now
    return {bound: count - before.get(bound, 0) for bound, count in now.items()}


def together(some: Iterable[Counts]) -> Counts:
    """All of them as one."""
    total: Counter[float] = Counter()
    for counts in some:
        total.update(dict(counts))
    return dict(sorted(total.items()))


def looks_in(counts: Counts) -> int:
    """How often somebody looked."""
    return int(counts.get(float("inf"), 0))


def later_than(milliseconds: float, counts: Counts) -> float:
    """How many looks found it later than one of the bounds."""
    return counts[float("inf")] - counts[milliseconds / 1_000] if counts else 0


def largest_of(counts: Counts) -> float | None:
    """In milliseconds, as upper bound; None when nobody looked."""
    return _bound(counts) if looks_in(counts) else None


def p99_of(counts: Counts) -> float:
    """The 99th percentile in milliseconds, as upper bound. Somebody must have looked."""
    return _bound(counts, SHARE)


def surely_more(first: float, last: float) -> float:
    """By how much one upper bound is above another at least: a bucket says only between which two a lag was."""
    return max(bound for bound in BOUNDS_MS if bound < last) - first


def _read(address: str) -> str:
    """What a process shows; "" for one that shows nothing, or is away."""
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError):
        return ""
    return text


def _bound(counts: Counts, share: float = 1.0) -> float:
    enough = share * counts[float("inf")]
    return next((bound * 1_000 for bound, count in counts.items() if count >= enough and bound < 1e9), BEYOND_MS)

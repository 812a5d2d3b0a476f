"""The figures of timelines: how many were written to, and how many had to be built."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class TimelineMetrics:
    """One for each process, in its registry; without one it counts for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.deliveries = Counter(
            "aviary_timeline_deliveries",
            "Timelines that a tweet was pushed to: delivered, or skipped because they were absent or above it.",
            ("outcome",),
            registry=registry,
        )
        self.rebuilds = Counter(
            "aviary_timeline_rebuilds",
            "Builds of absent timelines: finished, lost on the way, done elsewhere, or refused because of too many.",
            ("outcome",),
            registry=registry,
        )

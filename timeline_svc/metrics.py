"""The figures of timelines: how many were written to, had to be built, and were not as they should be."""

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
        self.audits = Counter(
            "aviary_timeline_audits",
            "Timelines compared with what their authors wrote: equal, absent, unsettled, repaired, or failed.",
            ("outcome",),
            registry=registry,
        )
        self.missing = Counter(
            "aviary_timeline_missing", "Ids that a timeline lacked, found by an audit.", registry=registry
        )
        self.ghosts = Counter(
            "aviary_timeline_ghost",
            "Ids in a timeline that nobody it is of wrote, found by an audit.",
            registry=registry,
        )
        self.duplicates = Counter(
            "aviary_timeline_duplicate", "Ids that were in a timeline twice, found by an audit.", registry=registry
        )

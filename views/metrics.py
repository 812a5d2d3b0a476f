"""The figures of reading: what was dropped from pages, what pages went without, and how the cache did."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from aviary.type.v1 import tweet_pb2
from views.visibility import DropReason


class ViewMetrics:
    """One for each process, in its registry; without one it counts for nobody."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._dropped = Counter(
            "aviary_views_dropped", "Tweets left out of pages, by reason.", ("reason",), registry=registry
        )
        self._degraded = Counter(
            "aviary_views_degraded", "Reads answered without a part, by part.", ("part",), registry=registry
        )
        self._cache = Counter(
            "aviary_views_cache",
            "Bodies and accounts looked up, by kind and outcome.",
            ("kind", "outcome"),
            registry=registry,
        )

    def drop(self, reason: DropReason) -> None:
        """A tweet was left out."""
        self._dropped.labels(reason.value).inc()

    def degrade(self, parts: Iterable[tweet_pb2.DegradedPart.ValueType]) -> None:
        """A read was answered without these parts."""
        for part in parts:
            name = tweet_pb2.DegradedPart.Name(part).removeprefix("DEGRADED_PART_").lower()
            self._degraded.labels(name).inc()

    def look_up(self, kind: str, *, hits: int, misses: int) -> None:
        """So many were in the cache, and so many were not."""
        self._cache.labels(kind, "hit").inc(hits)
        self._cache.labels(kind, "miss").inc(misses)

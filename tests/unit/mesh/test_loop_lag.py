"""A loop that is held up says so in its metrics."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry

from mesh.background import background
from mesh.loop_lag import EVERY, LoopLag
from tests.support.wait_until import wait_until

HELD_UP_SECONDS = 0.4


async def test_what_holds_the_loop_up_is_seen() -> None:
    registry = CollectorRegistry()

    def value(name: str, labels: dict[str, str] | None = None) -> float:
        return registry.get_sample_value(f"aviary_loop_lag_seconds_{name}", labels or {}) or 0.0

    async with background(LoopLag(registry).measure(), name="lag"):
        await wait_until(lambda: value("count") >= 2)
        before, seen = value("sum"), value("count")
        threading.Event().wait(HELD_UP_SECONDS)
        await wait_until(lambda: value("count") > seen)
    # It may have been about to look when the loop was stopped.
    assert value("sum") - before >= HELD_UP_SECONDS - EVERY.total_seconds() - 0.01
    assert value("count") - value("bucket", {"le": "0.25"}) >= 1

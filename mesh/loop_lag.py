"""How late a process's event loop is: whatever holds it up holds up every call."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from prometheus_client import CollectorRegistry, Histogram

EVERY = timedelta(milliseconds=100)
# Seconds; around what a call may be held up for.
BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag:
    """The metric `aviary_loop_lag_seconds` in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "aviary_loop_lag_seconds",
            "How much later than asked for the event loop came back, ten times a second.",
            buckets=BUCKETS,
            registry=registry,
        )

    async def measure(self) -> None:
        """Until cancelled. What is held up longer than a tenth of a second is seen once, and not in full."""
        loop, pause = asyncio.get_running_loop(), EVERY.total_seconds()
        while True:
            began = loop.time()
            await asyncio.sleep(pause)
            self._seconds.observe(max(0.0, loop.time() - began - pause))

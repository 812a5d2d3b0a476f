"""What the driver spends on a statement when nothing is around it: no event loop, no deadline, no bound, no metrics.

Its own thread sends the next one when an answer comes. That is the least that a program in Python pays for it when it
asks the driver's session; mesh/storage/cassandra_asking.py goes past that.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence

from cassandra.cluster import Session

from bench.cpu import CpuReading
from bench.load import CLIENT, Cost


async def measure_driver_alone(
    session: Session, text: str, values: Callable[[], Sequence[object]], *, calls: int, in_flight: int
) -> Cost:
    """`calls` of a statement, `in_flight` at a time. Raises what the driver says when one fails."""
    chain = _Chain(session, text, values, calls)
    before = CpuReading.of({CLIENT: os.getpid()})
    await asyncio.to_thread(chain.run, in_flight)
    return Cost(calls, CpuReading.of({CLIENT: os.getpid()}).since(before), chain.took)


class _Chain:
    def __init__(self, session: Session, text: str, values: Callable[[], Sequence[object]], calls: int) -> None:
        self.took: list[float] = []
        self._session = session
        self._prepared = session.prepare(text)
        self._values = values
        self._begun = 0
        self._calls = calls
        self._is_over = threading.Event()
        self._failure: BaseException | None = None

    def run(self, in_flight: int) -> None:
        for _ in range(in_flight):
            self._ask()
        self._is_over.wait()
        if self._failure is not None:
            raise self._failure

    def _ask(self) -> None:
        if self._begun == self._calls:
            return
        self._begun += 1
        asked = self._session.execute_async(self._prepared.bind(self._values()), timeout=None)
        asked.add_callbacks(self._answered, self._failed, (time.perf_counter(),))

    def _answered(self, _rows: object, began: float) -> None:
        self.took.append(time.perf_counter() - began)
        if len(self.took) == self._calls:
            self._is_over.set()
        self._ask()

    def _failed(self, failure: BaseException) -> None:
        self._failure = failure
        self._is_over.set()

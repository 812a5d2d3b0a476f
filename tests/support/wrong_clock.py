"""A clock that goes wrong when a test says so."""

from __future__ import annotations

from datetime import timedelta

from mesh.clock import Clock, FrozenClock


class WrongClock(Clock):
    """A frozen clock whose wall can jump while the monotonic time runs on. Several may share one true time."""

    def __init__(self, true: FrozenClock | None = None) -> None:
        self.true = true or FrozenClock()
        self.error = timedelta()

    def now_us(self) -> int:
        return self.true.now_us() + int(self.error / timedelta(microseconds=1))

    def monotonic(self) -> float:
        return self.true.monotonic()

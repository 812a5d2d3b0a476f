"""The only reader of time. Everything else is handed a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is written down, monotonic time for waiting."""

    def now_us(self) -> int:
        """Microseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some start; never goes back."""
        ...


class SystemClock(Clock):
    """The machine's clocks."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        return time.monotonic()


class FrozenClock(Clock):
    """A clock for tests: it moves only when told to, back as well as forth."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now_us = to_us(now)
        self._monotonic = 0.0

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Move both clocks; a negative step moves only the wall clock, as an operator's correction does."""
        self._now_us += int(by / timedelta(microseconds=1))
        self._monotonic += max(0.0, by.total_seconds())


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return int((instant - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def from_us(microseconds: int) -> datetime:
    """The aware datetime, UTC, of microseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)

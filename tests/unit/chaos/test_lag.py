"""The lag between two readings of a process's metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from mesh.loop_lag import BUCKETS
from tests.faults.chaos.lag import BEYOND_MS, Counts, between, counts_in, largest_of, p99_of, surely_more, together


class Loop:
    """The metric of a loop that was so late."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram("aviary_loop_lag_seconds", "Late.", buckets=BUCKETS, registry=self.registry)

    def after(self, *seconds: float) -> Counts:
        for one in seconds:
            self._seconds.observe(one)
        return counts_in(generate_latest(self.registry).decode())


def test_the_largest_is_that_of_the_time_between_two_readings() -> None:
    loop = Loop()
    first = loop.after(0.3)
    assert largest_of(between({}, first)) == 500.0
    assert largest_of(between(first, loop.after(0.004, 0.003))) == 5.0


def test_nobody_looked_is_not_the_same_as_on_time() -> None:
    loop = Loop()
    assert largest_of(between(loop.after(0.001), loop.after())) is None


def test_a_process_that_was_started_again_begins_at_nothing() -> None:
    assert largest_of(between(Loop().after(0.3, 0.3), Loop().after(0.02))) == 20.0


def test_more_than_the_last_bucket_is_told() -> None:
    assert largest_of(between({}, Loop().after(7.0))) == BEYOND_MS


def test_the_99th_of_a_hundred_is_that_of_all_readings_together() -> None:
    readings = [Loop().after(*[0.004] * 99), Loop().after(0.3)]
    assert p99_of(together(readings)) == 5.0
    assert p99_of(together([*readings, Loop().after(0.3)])) == 500.0


def test_a_bucket_says_only_between_which_bounds_a_lag_was() -> None:
    assert surely_more(5.0, 250.0) == 95.0
    assert surely_more(50.0, 100.0) == 0.0
    assert surely_more(20.0, 20.0) < 0

"""Whose fault it is that an event loop was late: its own, or that others had the cores."""

from __future__ import annotations

from pathlib import Path

from tests.faults.chaos.bar import Run, Scale
from tests.faults.chaos.lag import Counts
from tests.faults.chaos.samples import HARNESS, Sample, Samples
from tests.faults.chaos.steady_lag import judge_lag

LOOKS = 20


def counts(late_ms: float, times: int) -> Counts:
    """Ten lags, so many of them in the bucket of `late_ms`, and the others in the first."""
    bounds = (0.001, 0.05, 0.1, 0.25, 0.5, float("inf"))
    return {bound: 10.0 if bound * 1_000 >= late_ms else 10.0 - times for bound in bounds}


def broken(*, late_ms: float, times: int = 1, waited_ms: float = 0.0, harness_ms: float = 5.0, looks: int = 1) -> bool:
    """Whether it is, when a process was so late in the last looks, waited for a core, and the harness was late too."""
    samples, run = Samples(), Run("F40", 1, Scale.CI, "sqlite", Path(), print)
    for at in range(LOOKS):
        is_late = at >= LOOKS - looks
        waited, harness = (waited_ms, harness_ms) if is_late else (0.0, 5.0)
        for name, lag in (("edge", late_ms if is_late else 5.0), (HARNESS, harness)):
            samples.of[name].append(Sample(float(at), name, 20.0, 10, lag, waited))
            samples.lags[name].append(counts(lag, times if is_late else 0))
    judge_lag(samples, run, p99_ms=50.0, largest_ms=250.0)
    return bool(run.broken)


def test_a_process_that_is_in_time_is_held() -> None:
    assert not broken(late_ms=5.0)


def test_one_that_is_late_for_long_is_not() -> None:
    assert broken(late_ms=500.0)


def test_one_that_is_late_a_little_is_not_when_that_is_often() -> None:
    assert not broken(late_ms=100.0, times=1)
    assert broken(late_ms=100.0, times=1, looks=3)


def test_what_it_waited_for_a_core_is_not_its_fault() -> None:
    assert not broken(late_ms=500.0, times=5, waited_ms=300.0)
    assert broken(late_ms=500.0, times=1, waited_ms=100.0)


def test_each_time_that_it_waited_excuses_one_look() -> None:
    assert not broken(late_ms=100.0, times=3, waited_ms=110.0, looks=2)
    assert broken(late_ms=100.0, times=8, waited_ms=110.0, looks=2)


def test_what_made_the_harness_late_too_excuses_the_largest_lag_alone() -> None:
    assert not broken(late_ms=500.0, harness_ms=500.0)
    assert broken(late_ms=500.0, times=5, harness_ms=500.0)

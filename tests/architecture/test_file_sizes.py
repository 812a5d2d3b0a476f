"""Files stay small, because each is named for the one thing in it."""

from __future__ import annotations

from statistics import median

import pytest

from tests.support.source import ROOT, Module, modules

MOST_LINES = 300
MEDIAN_LINES = 90
LONG_TEST = 400


def lines(path: Module) -> int:
    return len(path.path.read_text().splitlines())


def test_no_source_file_is_over_the_limit() -> None:
    assert [f"{module}: {lines(module)}" for module in modules() if lines(module) > MOST_LINES] == []


def test_the_median_source_file_fits_on_a_screen_or_two() -> None:
    assert median(lines(module) for module in modules()) < MEDIAN_LINES


def test_long_test_files_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """They may be long; somebody should see it."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert tests
    long = {path: len(path.read_text().splitlines()) for path in tests}
    with capsys.disabled():
        for path, count in long.items():
            if count > LONG_TEST:
                print(f"\n{path.relative_to(ROOT)} has {count} lines")  # noqa: T201 - it is for the reader of the run

"""Bars that are held several at a time, each in a process of its own; here small programs stand for them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.chaos.bar import Bar, Run
from tests.faults.chaos.bars import ALONE
from tests.faults.chaos.lanes import hold_all
from tests.support import free_ports
from tests.support.wait_until import wait_until

# "+" when it begins, "-" when it ends.
PROGRAM = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
name, told = sys.argv[1], Path(sys.argv[2])
def tell(sign):
    with told.open("a") as file:
        file.write(sign + name + "\\n")
def at_work():
    lines = told.read_text().split()
    return {line[1:] for line in lines} - {line[1:] for line in lines if line[0] == "-"}
try:
    tell("+")
"""
MEETS_ANOTHER = "    while len(at_work()) < 2: time.sleep(0.01)\n    time.sleep(0.2)"
IS_ALONE = """    for _ in range(50):
        if at_work() != {name}:
            sys.exit(1)
        time.sleep(0.01)"""
BREAKS_OFF = "    sys.exit(7)"
FINDS_SOMETHING = "    sys.exit(1)"
STAYS = "    while True: time.sleep(0.01)"
ENDS = '\nfinally: tell("-")\n'


async def _nothing(run: Run) -> None:
    """Never called."""


def bar(number: str) -> Bar:
    return Bar(number, "a program", _nothing)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told"


def lines(told: Path) -> list[str]:
    return sorted(told.read_text().split()) if told.exists() else []


def programs(told: Path, **what: str) -> Callable[[Bar, int], list[str]]:
    def command(one: Bar, _lane: int) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", PROGRAM + what[one.number] + ENDS, one.number, str(told)]

    return command


async def test_two_are_held_at_a_time_and_those_that_compare_times_alone(told: Path) -> None:
    alone = sorted(ALONE)[:2]
    numbers = [alone[0], "F01", "F02", alone[1]]
    command = programs(told, F01=MEETS_ANOTHER, F02=MEETS_ANOTHER, **dict.fromkeys(alone, IS_ALONE))
    ended = await hold_all([bar(number) for number in numbers], command, lanes=2)
    assert [one.is_held for one in ended.values()] == [True] * 4
    assert list(ended) == numbers


async def test_one_that_breaks_off_or_finds_something_takes_no_other_along(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = programs(told, F01=BREAKS_OFF, F02=FINDS_SOMETHING, F04=IS_ALONE)
    ended = await hold_all([bar("F01"), bar("F02"), bar("F04")], command, lanes=1)
    assert {number: one.is_held for number, one in ended.items()} == {"F01": False, "F02": False, "F04": True}
    assert "NOT HELD: it ended with 7" in capsys.readouterr().out


async def test_whoever_cancels_it_stops_them_all_in_order(told: Path) -> None:
    command = programs(told, F01=STAYS, F02=STAYS, F04=STAYS)
    async with asyncio.TaskGroup() as group:
        holding = group.create_task(hold_all([bar("F01"), bar("F02"), bar("F04")], command, lanes=2))
        await wait_until(lambda: len(lines(told)) == 2)
        holding.cancel()
    assert lines(told) == ["+F01", "+F02", "-F01", "-F02"]


def test_programs_that_choose_ports_at_once_choose_among_different_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_ports, "_ours", free_ports._ours)
    chosen: list[set[int]] = []
    for part in range(2):
        free_ports.keep_to(part, 2)
        rows = [free_ports.free_row(50) for _ in range(40)]
        chosen.append({port for first in rows for port in range(first, first + 50)})
    assert not chosen[0] & chosen[1]

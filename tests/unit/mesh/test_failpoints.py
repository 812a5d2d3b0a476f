"""What a value of FAILPOINT means, and that no other does anything."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from mesh.clock import SystemClock
from mesh.failpoints import FailpointReached, checked_failpoints, fp
from tests.support.failpoints import armed
from tests.support.wait_until import wait_until

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from mesh.failpoints import arm, fp
arm(sys.argv[1])
for number in (1, 2, 3):
    fp("post.committed")
    print(number, flush=True)
"""


async def start(failpoints: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, failpoints, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=PIPE, stderr=PIPE
    )


def times_raised(name: str, *, of: int) -> list[int]:
    raised = []
    for time in range(1, of + 1):
        try:
            fp(name)
        except FailpointReached:
            raised.append(time)
    return raised


def test_without_failpoints_nothing_happens() -> None:
    assert times_raised("post.committed", of=3) == []


def test_every_time_or_only_those_that_are_named() -> None:
    with armed("post.committed:raise"):
        assert times_raised("post.committed", of=3) == [1, 2, 3]
        assert times_raised("post.claimed", of=3) == []
    with armed("post.committed:raise@2,post.claimed:raise@1,post.claimed:raise@3"):
        assert times_raised("post.committed", of=3) == [2]
        assert times_raised("post.claimed", of=4) == [1, 3]
    assert times_raised("post.committed", of=3) == []


def test_a_delay_stands_still_for_so_long() -> None:
    clock = SystemClock()
    with armed("post.committed:delay:50@1"):
        began = clock.monotonic()
        fp("post.committed")
        assert clock.monotonic() - began >= 0.05
        began = clock.monotonic()
        fp("post.committed")
        assert clock.monotonic() - began < 0.05


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("post.comitted:kill", "there is no failpoint 'post.comitted'"),
        ("post.committed:explode", "'post.committed:explode' is not name:kill|pause|raise|delay:ms[@n]"),
        ("post.committed", "'post.committed' is not"),
        ("post.committed:delay", "'post.committed:delay' is not"),
        ("post.committed:kill@0", "'post.committed:kill@0' is not"),
        ("post.committed:kill,", "'' is not"),
        ("post.committed:kill@1 ", "'post.committed:kill@1 ' is not"),
    ],
)
def test_a_mistake_is_named_with_examples(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as raised:
        checked_failpoints(text)
    assert "such as post.committed:kill@1 or " in str(raised.value)


async def test_kill_ends_the_process_there_and_is_told_before() -> None:
    process = await start("post.committed:kill@2")
    out, err = await process.communicate()
    assert (process.returncode, out) == (-signal.SIGKILL, b"1\n")
    assert b"a failpoint is reached" in err


async def test_pause_stops_the_process_there_until_it_is_continued() -> None:
    process = await start("post.committed:pause@3")
    stat = Path(f"/proc/{process.pid}/stat")
    await wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    os.kill(process.pid, signal.SIGCONT)
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"1\n2\n3\n")

"""Bars that tests of their own hold: they are run, none may be left out, and how many passed is told."""

from __future__ import annotations

import asyncio
import sys
import xml.etree.ElementTree as ET
from asyncio.subprocess import DEVNULL, PIPE
from functools import partial

from tests.faults.chaos.bar import Bar, Run
from tests.mesh.support.running_mesh import ROOT

LONGEST_SECONDS = 1_200.0


def held_by(number: str, title: str, *selection: str) -> Bar:
    """A bar that is held when all tests that pytest selects pass."""
    return Bar(number, title, partial(_hold, selection))


async def _hold(selection: tuple[str, ...], run: Run) -> None:
    report = run.folder / "report.xml"
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={run.folder / 'tests'}", f"--junit-xml={report}")
    tests = await asyncio.create_subprocess_exec(
        # Where CI is set nothing that a test needs may be missing.
        *("env", "CI=1", sys.executable, "-m", "pytest", *options, *selection),
        cwd=ROOT,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            printed, _ = await tests.communicate()
    finally:
        if tests.returncode is None:
            tests.terminate()
            await tests.wait()
    assert report.exists(), printed.decode(errors="replace")[-2_000:]
    found = ET.parse(report).getroot().find("testsuite")
    assert found is not None
    count = {name: int(found.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    run.figures["tests"] = count["tests"]
    run.figures["passed"] = count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    wrong = [
        f"{case.attrib['name']}: {case[0].get('message', '')[:100]}" for case in found.iter("testcase") if len(case)
    ]
    run.expect("there are tests", selection, is_so=count["tests"] > 0)
    run.expect("every test passes", wrong, is_so=run.figures["passed"] == count["tests"] and tests.returncode == 0)

"""docs/edge.md, pasted: its commands run, and its answers come."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from tests.support.compiled import ROOT
from tests.support.free_ports import free_row

PAGE = ROOT / "docs" / "edge.md"
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "== answer =="


def blocks(page: str, folder: Path, port: int) -> list[tuple[str, str]]:
    """The blocks of the page, moved to a folder and to ports of their own."""
    moved = page.replace("/tmp/greeter", str(folder)).replace(":50051", f":{port}").replace(":8090", f":{port + 1}")
    return [(kind, text) for kind, text in BLOCK.findall(moved)]


async def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    assert shutil.which("curl"), "the page is written for curl"
    script, expected = [], []
    for kind, text in blocks(PAGE.read_text(), tmp_path, free_row(2)):
        if kind == "json":
            expected.append(json.loads(text))
        else:
            script.append(text if "curl" not in text or "readyz" in text else f"echo '{MARK}'\n{text}echo\n")
    script.append(f"echo '{MARK}'")
    # The environment is there already; where it is, depends.
    commands = "".join(script).replace(". .venv/bin/activate", "set -e")
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", commands, cwd=ROOT, env=environment, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )
    try:
        assert shell.stdout is not None
        answers: list[str] = []
        while answers.count(MARK) <= len(expected):
            line = await asyncio.wait_for(shell.stdout.readline(), 60)
            assert line, "\n".join(answers)
            answers.append(line.decode().strip())
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        # To the end: the server and the edge hold it open until they are gone.
        await asyncio.wait_for(shell.communicate(), 60)
    told = [json.loads(part) for part in "\n".join(answers).split(MARK)[1:-1]]
    assert told == expected
    assert len(expected) == 4

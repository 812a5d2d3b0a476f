"""One mesh per data directory, also after a holder that could not clean up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev_mesh.lock import AlreadyRunning, holder, only_mesh

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, pathlib
from dev_mesh.lock import only_mesh
with only_mesh(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_the_pid_of_the_first(tmp_path: Path) -> None:
    with only_mesh(tmp_path), pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"), only_mesh(tmp_path):
        pass


def test_a_killed_holder_blocks_nobody(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env={"PYTHONPATH": str(ROOT)}) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(AlreadyRunning), only_mesh(tmp_path):
            pass
        holder.kill()
    with only_mesh(tmp_path):
        assert (tmp_path / "mesh.lock").read_text() == str(os.getpid())


def test_the_holder_is_known_as_long_as_it_holds(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with only_mesh(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None

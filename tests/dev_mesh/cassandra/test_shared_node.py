"""The node that tests share starts before it is asked for; what its start fails with is told when it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from tests.support.cassandra import start_the_node, the_node
start_the_node()
print("the tests before it")
the_node()
"""


def test_a_start_that_failed_is_told_by_the_first_use(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[3],
        env={"PATH": "", "JAVA_HOME": str(tmp_path), "CI": "1", "PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "the tests before it\n")
    assert f"there is no java in {tmp_path}" in done.stderr.splitlines()[-1]

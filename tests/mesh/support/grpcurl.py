"""Where grpcurl is: on PATH, or where `make setup` builds it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.mesh.support.running_mesh import ROOT


def find_grpcurl() -> Path:
    """The program. Without it the test is skipped, or fails where CI is set."""
    found = shutil.which("grpcurl", path=os.pathsep.join([*os.get_exec_path(), f"{ROOT}/.tools/bin"]))
    if found:
        return Path(found)
    why = "grpcurl is neither on PATH nor in .tools/bin; `make setup` builds it"
    if os.environ.get("CI"):  # noqa: TID251 - no setting of ours: every CI sets it
        pytest.fail(why)
    pytest.skip(why)

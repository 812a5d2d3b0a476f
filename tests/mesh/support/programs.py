"""Where the programs of other people are that the documentation tells to use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.mesh.support.running_mesh import ROOT
from tests.support.absent import absent


def find_grpcurl() -> Path:
    """On PATH, or where `make setup` builds it. Without it the test is skipped, or fails where CI is set."""
    return _find("grpcurl", "`make setup` builds it")


def find_curl() -> Path:
    """On PATH. Without it the test is skipped, or fails where CI is set."""
    return _find("curl", "every system has a package of it")


def _find(name: str, remedy: str) -> Path:
    found = shutil.which(name, path=os.pathsep.join([*os.get_exec_path(), f"{ROOT}/.tools/bin"]))
    if found is None:
        absent(f"{name} is neither on PATH nor in .tools/bin; {remedy}")
    return Path(found)

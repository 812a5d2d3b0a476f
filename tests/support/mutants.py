"""Copies of the tree with one bug each, as the patches of tests/faults/mutants put it in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.source import PACKAGES, ROOT

PATCHES = ROOT / "tests" / "faults" / "mutants"
COPIED = (*PACKAGES, "generated", "tests")


def patches() -> list[Path]:
    """All of them, by name."""
    return sorted(PATCHES.glob("*.patch"))


def applied(patch: Path, folder: Path) -> Path:
    """A copy of the tree in `folder`, with the bug in it. Raises CalledProcessError for a patch that does not apply."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True, capture_output=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """What a program of such a copy runs in."""
    return {**os.environ, "PYTHONPATH": f"{folder}:{folder / 'generated'}"}  # noqa: TID251 - the rest of it stays

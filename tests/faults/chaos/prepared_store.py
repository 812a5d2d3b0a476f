"""A Cassandra that has all its tables, made once in a run: each mesh begins with a copy of its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.mesh.support.running_mesh import running_mesh

NAME = "cassandra"


def prepare(folder: Path) -> Path:
    """What a mesh that nobody used yet keeps of its Cassandra: tables take longer to make than all else at a start."""
    with running_mesh(folder / "data", "--store", "cassandra"):
        pass
    return folder / "data" / NAME


def copy_prepared(prepared: Path, data_dir: Path) -> None:
    """A new mesh on `data_dir` finds the tables, and the passwords; its ports may be others."""
    shutil.copytree(prepared, data_dir / NAME)

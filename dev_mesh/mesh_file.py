"""mesh.json: where outside tools find, call and kill the processes of a running mesh."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev_mesh.child import Child

NAME = "mesh.json"


class NotRunning(Exception):
    """No mesh runs on that data directory."""


def write_mesh_file(data_dir: Path, *, edge: str, children: Sequence[Child]) -> None:
    """Replace the file in one step. Only its owner may read it: the addresses of Redis and NATS hold passwords."""
    processes = [
        {
            "name": child.program.name,
            "service": child.program.service,
            "role": child.program.role,
            "pid": child.pid,
            "address": child.program.address,
            "metrics": child.program.metrics,
            "directory": str(child.program.directory),
        }
        for child in children
    ]
    write_private(data_dir / NAME, json.dumps({"edge": edge, "processes": processes}, indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


@dataclass(frozen=True, slots=True)
class MeshFile:
    """What the file says."""

    edge: str
    processes: list[dict[str, Any]]


def read_mesh_file(data_dir: Path) -> MeshFile:
    """Raises NotRunning when there is none."""
    try:
        content = json.loads((data_dir / NAME).read_text())
    except FileNotFoundError:
        raise NotRunning(f"no mesh runs on {data_dir}; start one with `make up`") from None
    return MeshFile(content["edge"], content["processes"])

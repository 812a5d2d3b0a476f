"""Failpoints of this process, for a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mesh.failpoints import arm


@contextmanager
def armed(text: str) -> Iterator[None]:
    """Strike where the text says, as if it were this process's FAILPOINT, until the block ends."""
    arm(text)
    try:
        yield
    finally:
        arm("")

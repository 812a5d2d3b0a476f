"""Waits for a condition instead of for a time, so that tests are as fast as what they test."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable


async def wait_until(condition: Callable[[], object | Awaitable[object]], *, at_most: float = 10.0) -> None:
    """Return once `condition` (plain or async) is true; fail after `at_most` seconds with what it last answered."""
    deadline = asyncio.get_running_loop().time() + at_most
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not so within {at_most} s; last answer: {answer!r}")
        await asyncio.sleep(0.005)

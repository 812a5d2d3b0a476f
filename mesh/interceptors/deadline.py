"""Every call ends in time, also one that came without a deadline; what cannot finish any more is not begun."""

from __future__ import annotations

import asyncio

from mesh.errors import DeadlineExceeded
from mesh.interceptors.incoming import Incoming, Step
from mesh.method import Method

# Less than this is not enough for an answer, so nothing is begun; a hop hands on that much less than it has.
HOP_MARGIN_SECONDS = 0.005


def keep_deadline(after: Step, method: Method) -> Step:
    """Give the call the deadline of its caller, the method's default without one, and never more than its most.

    The library itself cancels a call at the deadline that the caller sent, so only the others need a timer.
    """

    async def step(incoming: Incoming) -> bytes:
        remaining = incoming.context.time_remaining()
        if remaining is not None and remaining < HOP_MARGIN_SECONDS:
            raise deadline_exceeded()
        now = asyncio.get_running_loop().time()
        if remaining is not None and remaining <= method.max_timeout:
            incoming.deadline = now + remaining
            return await after(incoming)
        incoming.deadline = now + (method.default_timeout if remaining is None else method.max_timeout)
        timeout = asyncio.timeout_at(incoming.deadline)
        try:
            async with timeout:
                return await after(incoming)
        except TimeoutError:
            if timeout.expired():
                raise deadline_exceeded() from None
            raise

    return step


def deadline_exceeded() -> DeadlineExceeded:
    """The time of the call is used up."""
    return DeadlineExceeded(
        "DEADLINE_EXCEEDED", "the time of the call is used up; repeat a write with the same request_id"
    )

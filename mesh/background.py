"""Owns a task that runs beside a block: a task that nobody awaits dies in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

_log = logging.getLogger(__name__)

CANCELLED_EVERY = timedelta(seconds=1)


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
    """Run `work` until the block ends, then cancel it and wait for it.

    When it fails before that, the block is cancelled and the failure is raised in its place.
    """
    owner = asyncio.current_task()
    task = asyncio.create_task(work, name=name)  # noqa: TID251 - owned here: awaited at the end of the block
    is_block_over = False

    def end_the_block(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (failure := done.exception()) and not is_block_over:
            # Its stack is told by whoever catches it: some failures are an operator's mistake, and need none.
            _log.critical("%s ended", name, extra={"fields": {"reason": repr(failure)}})
            if owner is not None:
                owner.cancel()

    task.add_done_callback(end_the_block)
    try:
        yield
    finally:
        is_block_over = True
        has_failed = task.done() and not task.cancelled() and task.exception() is not None
        task.cancel()
        while not (await asyncio.wait([task], timeout=CANCELLED_EVERY.total_seconds()))[0]:
            # asyncio.wait_for loses a cancellation that comes together with its answer (until Python 3.12), as in a
            # client of NATS that just connects; this would wait for ever.
            task.cancel()
        if has_failed and owner is not None:
            owner.uncancel()
        if not task.cancelled():
            task.result()

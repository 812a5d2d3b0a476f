"""Owns a task that runs beside a block: a task that nobody awaits dies in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

_log = logging.getLogger(__name__)


@asynccontextmanager
async def background(work: Coroutine[object, object, None], *, name: str) -> AsyncIterator[None]:
    """Run `work` until the block ends, then cancel it and wait for it.

    When it fails before that, the failure is logged, the task that entered the block is cancelled, and the failure is
    raised at the end of the block.
    """
    owner = asyncio.current_task()
    task = asyncio.create_task(work, name=name)  # noqa: TID251 - owned here: awaited at the end of the block

    def report(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (failure := done.exception()):
            _log.critical("%s ended", name, exc_info=failure)
            if owner and not owner.done():
                owner.cancel()

    task.add_done_callback(report)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()

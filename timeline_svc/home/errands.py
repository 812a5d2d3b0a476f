"""Owns work that goes on after an answer, or for several callers: nobody's deadline ends it, and it ends with us."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any, TypeVar

from mesh.errors import MeshError

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Errands:
    """At most `most` at a time. Made by `open_errands`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T] | None:
        """Begin it, outside of the call in progress: with this service's own identity and no deadline but its own.

        A failure is logged and raised to whoever awaits the task. None when there are too many already: then nothing
        was begun.
        """
        if len(self._tasks) >= self._most:
            work.close()
            return None
        task = asyncio.create_task(work, name=name, context=Context())  # noqa: TID251 - owned: ended by open_errands
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    async def end(self) -> None:
        """Cancel what is left and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, MeshError):
            _log.info("%s ended: %s", task.get_name(), failure.message)
        elif failure is not None:
            _log.error("%s failed", task.get_name(), exc_info=failure)


@asynccontextmanager
async def open_errands(most: int = 2_000) -> AsyncIterator[Errands]:
    """Errands that end with the block."""
    errands = Errands(most)
    try:
        yield errands
    finally:
        await errands.end()

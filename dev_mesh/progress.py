"""Work on many things at once, bounded, with a bar on a terminal and a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from mesh.clock import Clock

T = TypeVar("T")
_WIDTH = 30
_LINES_WITHOUT_TERMINAL = 10


async def for_each(
    title: str, items: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int, clock: Clock
) -> None:
    """Do `work` for every item, `at_once` of them at a time, and show how far it is. The first failure ends it."""
    todo = list(items)
    bar = _Bar(title, len(todo), clock)
    waiting: Iterator[T] = iter(todo)

    async def worker() -> None:
        for item in waiting:
            await work(item)
            bar.advance()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, len(todo))):
            group.create_task(worker())
    bar.finish()


class _Bar:
    def __init__(self, title: str, total: int, clock: Clock) -> None:
        self._title = title
        self._total = total
        self._clock = clock
        self._began = clock.monotonic()
        self._done = 0
        self._is_terminal = sys.stdout.isatty()

    def advance(self) -> None:
        before, self._done = self._done, self._done + 1
        steps = 1000 if self._is_terminal else _LINES_WITHOUT_TERMINAL
        if self._done < self._total and before * steps // self._total != self._done * steps // self._total:
            self._show(end="\r" if self._is_terminal else "\n")

    def finish(self) -> None:
        self._show(end="\n")

    def _show(self, *, end: str) -> None:
        filled = _WIDTH * self._done // max(self._total, 1)
        rate = self._done / max(self._clock.monotonic() - self._began, 0.001)
        bar = f"[{'#' * filled}{'.' * (_WIDTH - filled)}]"
        print(f"{self._title:<8} {bar} {self._done}/{self._total}  {rate:.0f}/s   ", end=end, flush=True)

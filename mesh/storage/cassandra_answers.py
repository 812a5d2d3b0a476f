"""Answers on their way from the driver's threads to the event loop: many with one wake-up.

A wake-up is a system call and a turn of the loop. One for each answer would cost more than the statement.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class Answers:
    """Sets the futures of one event loop from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # Held for a few lines only: whether the loop was woken must never disagree with what waits for it.
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.Future[Any], object, BaseException | None]] = []
        self._is_woken = False

    def hand_over(self, asked: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
        """Have the future set, unless nobody waits for it any more. To be called in the driver's threads."""
        with self._lock:
            self._waiting.append((asked, result, error))
            is_woken, self._is_woken = self._is_woken, True
        if is_woken:
            return
        try:
            self._loop.call_soon_threadsafe(self._take)
        except RuntimeError:  # the loop is closed
            return

    def _take(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._is_woken = False
        for asked, result, error in waiting:
            if asked.done():
                continue
            if error is None:
                asked.set_result(result)
            else:
                asked.set_exception(error)

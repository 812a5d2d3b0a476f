"""SIGTERM and SIGINT: the task that lives is cancelled, wherever it is, and must be done in time."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from datetime import timedelta
from typing import Any

DRAIN_AT_MOST = timedelta(seconds=14)

logger = logging.getLogger(__name__)


class StopSignal:
    """Ends the process with exit 1 when the drain takes too long, or when a second signal comes."""

    def __init__(self) -> None:
        self.is_asked = False

    def cancel_this_task(self) -> None:
        """From now on, a signal cancels the running task."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, task)

    def be_done_in_time(self) -> None:
        """End the process with exit 1 if it is still there after DRAIN_AT_MOST."""
        guard = threading.Timer(DRAIN_AT_MOST.total_seconds(), os._exit, (1,))
        guard.daemon = True
        guard.start()

    def _stop(self, task: asyncio.Task[Any]) -> None:
        if self.is_asked:
            os._exit(1)
        self.is_asked = True
        logger.info("draining")
        self.be_done_in_time()
        task.cancel()

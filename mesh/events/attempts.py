"""What a failure of a handler means: not yet, something behind is away, try again, or give up."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import timedelta

from mesh.clock import Clock
from mesh.errors import DeadlineExceeded, Unavailable
from mesh.events.interface import BusUnavailable, Delivery
from mesh.metrics import Metrics

_log = logging.getLogger(__name__)

MOST_FAILURES = 6
LONGEST_DELAY = timedelta(seconds=30)
# Something behind is away: look again soon, and never give up. Every outage would leave dead letters otherwise.
OUTAGES = (Unavailable, DeadlineExceeded, BusUnavailable, OSError)
LONGEST_OUTAGE_DELAY = timedelta(seconds=5)
# A handler that hangs would hold up its whole batch.
HANDLER_AT_MOST = timedelta(seconds=60)
BETWEEN_WARNINGS = timedelta(seconds=10)
REMEMBERED_FAILURES = 10_000


class Outcome(enum.Enum):
    """What became of an event in its handler."""

    DONE = "done"
    """The effects are made: confirm and ack."""
    HANDED_ON = "handed_on"
    """A job does the rest and confirms: ack only."""


class NotYet(Exception):
    """The state that the event is about is not visible yet: deliver it again after `delay`. Not a failure."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"not before {delay.total_seconds()} s")
        self.delay = delay


class Attempts:
    """The attempts of one group. Failures are counted here and not by the broker.

    Its count of deliveries rises with every restart of broker and workers, without any failure.
    """

    def __init__(self, group: str, *, clock: Clock, metrics: Metrics, retry_after: timedelta) -> None:
        self._group = group
        self._clock = clock
        self._metrics = metrics
        self._retry_after = retry_after
        self._failures: OrderedDict[object, int] = OrderedDict()
        self._quiet_until = 0.0

    async def make(
        self, delivery: Delivery, kind: str, identity: object, effect: Callable[[], Awaitable[Outcome]]
    ) -> Outcome | str | None:
        """The outcome of `effect`; None when the message was handed back; the reason when it is given up.

        Failures are counted by `identity`, which is the same in every delivery.
        """
        try:
            async with asyncio.timeout(HANDLER_AT_MOST.total_seconds()):
                outcome = await effect()
        except NotYet as early:
            self._count(kind, "not_yet")
            await delivery.nak(delay=early.delay)
            return None
        except OUTAGES as away:
            self._count(kind, "unavailable")
            self._warn_now_and_then(kind, away)
            delay = self._retry_after * (1 << min(delivery.attempts - 1, 8))
            await delivery.nak(delay=min(delay, LONGEST_OUTAGE_DELAY))
            return None
        except Exception as failure:  # noqa: BLE001 - a handler's bug must not stop the others
            return await self._failed(delivery, kind, identity, failure)
        self._failures.pop(identity, None)
        self._count(kind, outcome.value)
        return outcome

    async def _failed(self, delivery: Delivery, kind: str, identity: object, failure: Exception) -> str | None:
        failures = self._failures.pop(identity, 0) + 1
        if failures >= MOST_FAILURES:
            self._count(kind, "dead")
            _log.error("%s: %s is given up after %d failures", self._group, kind, failures, exc_info=failure)
            return f"{type(failure).__name__}: {failure}"
        self._failures[identity] = failures
        if len(self._failures) > REMEMBERED_FAILURES:
            self._failures.popitem(last=False)
        self._count(kind, "failed")
        _log.warning("%s: %s failed, time %d", self._group, kind, failures, exc_info=failure)
        await delivery.nak(delay=min(self._retry_after * (1 << (failures - 1)), LONGEST_DELAY))
        return None

    def _warn_now_and_then(self, kind: str, away: Exception) -> None:
        now = self._clock.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + BETWEEN_WARNINGS.total_seconds()
            _log.warning("%s: %s and perhaps others must wait: %s", self._group, kind, away)

    def _count(self, kind: str, outcome: str) -> None:
        self._metrics.consumer_events.labels(self._group, kind, outcome).inc()

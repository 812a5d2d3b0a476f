"""Snowflake ids: 41 bits of milliseconds, 10 of worker, 12 of sequence; unique without trusting any clock.

A worker number is leased from the service's own store as a range of milliseconds. Ranges of one number never overlap
and the bases of services differ, so two owners cannot stamp the same id, whatever their clocks say.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Protocol

from mesh.background import background
from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.failpoints import fp
from mesh.storage.id_leases import NUMBERS, IdLeases, Lease

_log = logging.getLogger(__name__)

# Twitter's epoch: ids of 2018 to 2080 have 19 digits, so their order as text is that of their numbers.
EPOCH_MS = 1_288_834_974_657
SEQUENCES = 4096
SERVICES = ("user", "tweet", "graph", "engagement", "timeline")

RENEWAL = timedelta(seconds=3)
BETWEEN_TRIES = timedelta(milliseconds=100)
MOST_DRIFT = timedelta(seconds=5)
# So long must a clock that jumped run evenly before it is believed again.
STEADY = timedelta(seconds=10)


class IdSource(Protocol):
    """Gives out ids."""

    def next_id(self) -> int:
        """A new id, unique in the mesh; above the earlier ones of this source unless the clock was set back by more
        than 5 s. Raises Unavailable rather than risk a double.
        """
        ...


def id_time_us(identifier: int) -> int:
    """The microsecond since 1970 that an id was stamped with; its clock may have been up to 10 s ahead."""
    return ((identifier >> 22) + EPOCH_MS) * 1_000


def first_id_at(at_us: int) -> int:
    """The lowest id that can be stamped at a microsecond since 1970; 0 before the epoch."""
    return max(0, at_us // 1_000 - EPOCH_MS) << 22


@asynccontextmanager
async def lease_ids(leases: IdLeases, *, service: str, clock: Clock) -> AsyncIterator[IdSource]:
    """Ids of `service` ("tweet"), under a lease that is renewed until the block ends.

    While the store cannot be reached the source runs to the end of its range, then raises Unavailable until a lease
    can be had again. Raises ValueError for an unknown service.
    """
    owner = f"{service}:{os.getpid()}:{secrets.token_hex(4)}"
    ids = LeasedIds(leases, service=service, owner=owner, clock=clock)
    await ids.keep()
    async with background(_keep_forever(ids), name=f"the id lease of {service}"):
        yield ids


async def _keep_forever(ids: LeasedIds) -> None:
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEWAL.total_seconds()):
                await ids.was_refused.wait()
        await ids.keep()
        ids.was_refused.clear()
        await asyncio.sleep(BETWEEN_TRIES.total_seconds())


class LeasedIds(IdSource):
    """Stamps ids under the lease that `keep` gets and renews; call it every RENEWAL, and when `was_refused` is set."""

    def __init__(self, leases: IdLeases, *, service: str, owner: str, clock: Clock) -> None:
        self.was_refused = asyncio.Event()
        self._leases = leases
        self._base = SERVICES.index(service) * NUMBERS
        self._owner = owner
        self._clock = clock
        self._lease: Lease | None = None
        self._last_ms = 0
        self._sequence = 0
        self._offset_us = self._wall_offset_us()
        self._jumped_at: float | None = None

    def next_id(self) -> int:
        try:
            return self._next_id()
        except Unavailable:
            self.was_refused.set()
            raise

    def _next_id(self) -> int:
        lease = self._lease
        if lease is None:
            raise Unavailable.backend("a lease for ids")
        now_ms = self._clock.now_us() // 1_000
        # Clocks first, the sequence after: https://github.com/twitter-archive/snowflake/issues/6
        if self._is_behind(now_ms):
            raise Unavailable.backend("a clock that agrees with the ids given out")
        stamp_ms = max(now_ms, self._last_ms, lease.after_ms + 1)
        sequence = self._sequence + 1 if stamp_ms == self._last_ms else 0
        if sequence == SEQUENCES:
            stamp_ms, sequence = stamp_ms + 1, 0
        if stamp_ms > lease.until_ms:
            raise Unavailable.backend("a lease for ids")
        self._last_ms, self._sequence = stamp_ms, sequence
        return (stamp_ms - EPOCH_MS) << 22 | (self._base + lease.number) << 12 | sequence

    async def keep(self) -> None:
        """Renew the lease, or get one. Never raises for a store that is away: the range then runs out."""
        if not self._clock_is_steady():
            return
        try:
            await self._renew_or_acquire()
        except Unavailable as error:
            _log.warning("the lease for ids cannot be renewed: %s", error)

    async def _renew_or_acquire(self) -> None:
        now_ms = self._clock.now_us() // 1_000
        lease = self._lease
        if lease is not None and not self._is_behind(now_ms):
            self._lease = await self._leases.renew(lease, now_ms=now_ms)
            fp("ids.renewed")
            if self._lease is not None:
                return
        # Another number: its ids start at the present time, whatever was stamped under the old one.
        self._lease = None
        fp("ids.before_acquire")
        fresh = await self._leases.acquire(owner=self._owner, now_ms=now_ms)
        fp("ids.acquired")
        if fresh is None:
            raise Unavailable.backend("a free number for ids")
        if self._is_behind(now_ms):
            self._last_ms = 0
        self._lease = fresh

    def _is_behind(self, now_ms: int) -> bool:
        return self._last_ms - now_ms > MOST_DRIFT / timedelta(milliseconds=1)

    def _clock_is_steady(self) -> bool:
        """Whether wall and monotonic clock have run alike, lately. A sudden gap is a wrong clock, or a long sleep."""
        offset_us = self._wall_offset_us()
        drift = timedelta(microseconds=abs(offset_us - self._offset_us))
        now = self._clock.monotonic()
        if drift <= MOST_DRIFT:
            self._offset_us = offset_us
            if self._jumped_at is None or now - self._jumped_at >= STEADY.total_seconds():
                self._jumped_at = None
                return True
            return False
        _log.warning("the clock jumped by %.1f s; no lease for ids until it has run evenly", drift.total_seconds())
        self._offset_us = offset_us
        self._jumped_at = now
        return False

    def _wall_offset_us(self) -> int:
        return self._clock.now_us() - int(self._clock.monotonic() * 1_000_000)

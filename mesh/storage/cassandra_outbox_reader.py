"""How a relay reads the outbox in Cassandra, where a row may come to be seen behind others that were committed later.

Three ways lead to a row. Those of this process are asked for as soon as they are committed. Those of others are met
when the present minute is swept, once a second, from where nothing is to be expected any more. And whatever came late,
by a slow write, a hint or a wrong clock, is found when its bucket is read in full: when it is 1 minute, 10 minutes and
24 hours old, and at the start of a relay. A bucket in which nothing waits then is closed, and never read again.

Whichever way a row was found, it is handed out once the state that it is about is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from mesh.clock import Clock
from mesh.events.interface import OutboxReader, OutboxRow, Place
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_journal import FoundRows, Journal
from mesh.storage.cassandra_outbox_buckets import Bucket, OutboxBuckets
from mesh.storage.cassandra_outbox_rows import (
    BUCKET_US,
    NO_EVENT_ABOVE,
    SHARDS,
    StoredRow,
    bucket_of,
    place_at,
    rows_after,
    shard_of,
)

SWEEP_EVERY = timedelta(seconds=1)
LIST_EVERY = timedelta(minutes=1)
# A row takes 1.5 s at most to be seen, or its outcome is not known; clocks differ by a little. How long its state takes
# after that does not matter: once found, a row is kept here until it may be handed out.
SETTLED_AFTER_US = 2_500_000
# How old a bucket is when it is read in full. Then quiet ones are marked, and at last closed.
AGES_US = tuple(
    age // timedelta(microseconds=1) for age in (timedelta(minutes=1), timedelta(minutes=10), timedelta(days=1))
)
_, QUIET_AT_US, CLOSED_AT_US = AGES_US
MOST_EXPECTED = 4_096
# Buckets that are read in full at the same time, and how often before others get their turn.
SCANNED_AT_ONCE = 4
SCANS_IN_TURN = 4

T = TypeVar("T")

# One shard of one bucket.
Partition = tuple[int, int]


@dataclass(slots=True)
class Followed:
    """How far a partition was swept: below `settled` no row is expected any more, `at` is within an unfinished sweep.

    `returned` are the rows above `settled` that were returned already.
    """

    settled: Place
    at: Place
    returned: set[Place] = field(default_factory=set)


@dataclass(slots=True)
class Scan:
    """A bucket that is being read in full, and how far each shard has been read that is not finished."""

    bucket: int
    begun_us: int
    at: dict[int, Place]
    is_empty: bool = True


class CassandraOutboxReader(OutboxReader):
    """Reads for one relay; `wake` brings it back at once when there is more. An idle one asks four times a second."""

    def __init__(
        self,
        cassandra: Cassandra,
        buckets: OutboxBuckets,
        journal: Journal,
        *,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._cassandra = cassandra
        self._buckets = buckets
        self._found = FoundRows(journal)
        self._clock = clock
        self._wake = wake
        self._ready: list[OutboxRow] = []
        # With the second from which on it is left to the other ways: its outcome is not known.
        self._expected: deque[tuple[Place, float]] = deque(maxlen=MOST_EXPECTED)
        self._followed: dict[Partition, Followed] = {}
        self._swept_at = self._listed_at = float("-inf")
        self._is_sweeping = False
        self._scans: deque[Scan] = deque()
        # Buckets that are known, by when they are read in full, and those among them that were marked as quiet.
        self._due: dict[int, int] = {}
        self._quiet: set[int] = set()

    def expect(self, place: Place) -> None:
        """A row that this process has written just now, or is about to."""
        self._expected.append((place, self._clock.monotonic() + SETTLED_AFTER_US / 1_000_000))

    async def next(self, *, limit: int) -> list[OutboxRow]:
        # What was found before one of the steps failed stays ready for the next time.
        if not self._is_enough(limit):
            await self._list_buckets()
            await self._scan(limit)
            await self._read_expected(limit)
            await self._sweep(limit)
        self._ready += await self._found.take()
        self._ready.sort(key=lambda row: row.place)
        rows, self._ready = self._ready[:limit], self._ready[limit:]
        if self._ready or self._scans or self._is_sweeping:
            self._wake()
        return rows

    def _is_enough(self, limit: int) -> bool:
        return len(self._ready) + len(self._found) >= limit

    async def _read_expected(self, limit: int) -> None:
        """From the first row on that this process wrote and that was not seen yet, in each partition."""
        now = self._clock.monotonic()
        unseen = ((place, until) for place, until in self._expected if until > now and not self._was_returned(place))
        self._expected = deque(unseen, maxlen=MOST_EXPECTED)
        first: dict[Partition, Place] = {}
        for place, _ in self._expected:
            first.setdefault(_partition(place), place)
        await _all(
            self._read(partition, after=Place(place.sequence, place.event_id - 1), limit=limit)
            for partition, place in first.items()
        )

    async def _sweep(self, limit: int) -> None:
        """The present minute, and the one before as long as something is expected in it."""
        if self._clock.monotonic() - self._swept_at < SWEEP_EVERY.total_seconds():
            return
        now_us = self._clock.now_us()
        settled = place_at(now_us - SETTLED_AFTER_US, 0)
        present = range(bucket_of(settled.sequence), now_us // BUCKET_US + 1)
        partitions = [(bucket, shard) for bucket in present for shard in range(SHARDS)]
        finished = await _all(self._sweep_one(partition, settled=settled, limit=limit) for partition in partitions)
        self._followed = {
            partition: followed for partition, followed in self._followed.items() if partition[0] >= present[0]
        }
        self._is_sweeping = not all(finished)
        if not self._is_sweeping:
            self._swept_at = self._clock.monotonic()

    async def _sweep_one(self, partition: Partition, *, settled: Place, limit: int) -> bool:
        followed = self._follow(partition)
        rows = await self._read(partition, after=followed.at, limit=limit)
        if len(rows) == limit:
            followed.at = rows[-1].place
            return False
        followed.settled = followed.at = max(followed.settled, settled)
        followed.returned = {place for place in followed.returned if place > followed.settled}
        return True

    async def _list_buckets(self) -> None:
        if self._clock.monotonic() - self._listed_at < LIST_EVERY.total_seconds():
            return
        now_us = self._clock.now_us()
        for bucket in await self._buckets.listed(now_us=now_us):
            self._take_in(bucket, now_us=now_us)
        self._listed_at = self._clock.monotonic()

    def _take_in(self, bucket: Bucket, *, now_us: int) -> None:
        number, end_us = bucket.number, (bucket.number + 1) * BUCKET_US
        if number * BUCKET_US > now_us:
            self._due[number] = now_us  # somebody's clock is ahead: nobody sweeps it
        elif number not in self._due and not any(scan.bucket == number for scan in self._scans):
            is_swept = end_us > now_us - SETTLED_AFTER_US
            if bucket.is_quiet:
                self._quiet.add(number)
                self._due[number] = end_us + CLOSED_AT_US
            else:
                self._due[number] = _next_age(number, now_us) if is_swept else now_us
        elif number in self._quiet and not bucket.is_quiet:
            self._quiet.discard(number)
            self._due[number] = now_us  # opened again by somebody whose clock is behind

    async def _scan(self, limit: int) -> None:
        now_us = self._clock.now_us()
        for bucket in sorted(number for number, due_us in self._due.items() if due_us <= now_us):
            start = Place(0, 0)
            self._scans.append(Scan(bucket, now_us, dict.fromkeys(range(SHARDS), start)))
            del self._due[bucket]
        for _ in range(SCANS_IN_TURN):
            if self._is_enough(limit) or not self._scans:
                return
            some = list(self._scans)[:SCANNED_AT_ONCE]
            await _all(self._scan_shard(scan, shard, limit=limit) for scan in some for shard in list(scan.at))
            for scan in some:
                if not scan.at:
                    await self._finish(scan)
                    self._scans.remove(scan)

    async def _scan_shard(self, scan: Scan, shard: int, *, limit: int) -> None:
        rows = await self._read((scan.bucket, shard), after=scan.at[shard], limit=limit, again=True)
        scan.is_empty &= not rows
        if len(rows) == limit:
            scan.at[shard] = rows[-1].place
        else:
            del scan.at[shard]

    async def _finish(self, scan: Scan) -> None:
        age_us = scan.begun_us - (scan.bucket + 1) * BUCKET_US
        if scan.is_empty and age_us >= CLOSED_AT_US:
            await self._buckets.close(scan.bucket)
            self._quiet.discard(scan.bucket)
            return
        if scan.is_empty and age_us >= QUIET_AT_US:
            await self._buckets.mark_quiet(scan.bucket)
            self._quiet.add(scan.bucket)
        self._due[scan.bucket] = _next_age(scan.bucket, scan.begun_us)

    async def _read(self, partition: Partition, *, after: Place, limit: int, again: bool = False) -> list[StoredRow]:
        """The rows behind a place; those not returned yet, or all of them `again`, are found."""
        bucket, shard = partition
        rows = await rows_after(self._cassandra, bucket, shard, after=after, limit=limit)
        returned = set() if again else self._follow(partition).returned
        self._found.add(row for row in rows if row.place not in returned)
        returned.update(row.place for row in rows)
        return rows

    def _follow(self, partition: Partition) -> Followed:
        start = Place(0, NO_EVENT_ABOVE)
        return self._followed.setdefault(partition, Followed(start, start))

    def _was_returned(self, place: Place) -> bool:
        followed = self._followed.get(_partition(place))
        return followed is not None and place in followed.returned


async def _all(asked: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """What all of them answer; raises what the first of them raised, and not before the last has ended."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


def _partition(place: Place) -> Partition:
    return bucket_of(place.sequence), shard_of(place.event_id)


def _next_age(bucket: int, now_us: int) -> int:
    """When a bucket is read in full next: at one of its ages, and then every day."""
    end_us = (bucket + 1) * BUCKET_US
    return next((end_us + age_us for age_us in AGES_US if end_us + age_us > now_us), now_us + CLOSED_AT_US)

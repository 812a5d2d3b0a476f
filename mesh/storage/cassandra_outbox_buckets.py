"""The list of the outbox's buckets in Cassandra: so a relay finds what waits, however long ago it was written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from mesh.clock import from_us
from mesh.storage.cassandra import Cassandra, Statement
from mesh.storage.cassandra_outbox_rows import BUCKET_US

# Nothing was written before.
FIRST_YEAR = 2025
DAY = timedelta(days=1)
DAY_US = DAY // timedelta(microseconds=1)
# A day without buckets leaves the list when it is so old: nobody opens one in it any more.
KEPT = 2 * DAY
DAYS_AT_ONCE = 16

_INSERT_DAY = Statement("outbox.open_day", "INSERT INTO outbox_days (year, day) VALUES (?, ?)")
_DAYS = Statement("outbox.days", "SELECT day FROM outbox_days WHERE year = ?")
_DELETE_DAY = Statement("outbox.close_day", "DELETE FROM outbox_days WHERE year = ? AND day = ?")
_INSERT = Statement("outbox.open_bucket", "INSERT INTO outbox_buckets (day, bucket, is_quiet) VALUES (?, ?, false)")
_QUIET = Statement("outbox.quiet_bucket", "UPDATE outbox_buckets SET is_quiet = true WHERE day = ? AND bucket = ?")
_BUCKETS = Statement("outbox.buckets", "SELECT bucket, is_quiet FROM outbox_buckets WHERE day = ? AND bucket >= ?")
_DELETE = Statement("outbox.close_bucket", "DELETE FROM outbox_buckets WHERE day = ? AND bucket = ?")


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """A minute since 1970 in which rows may wait; quiet when a relay saw none in it, ten minutes later or more."""

    number: int
    is_quiet: bool = False


class OutboxBuckets:
    """The tables `outbox_days` and `outbox_buckets` of one keyspace. All methods raise Unavailable."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra
        self._day = -1
        self._bucket = -1

    async def open(self, bucket: int) -> None:
        """Before the first row of a bucket: have it in the list, and not quiet."""
        if bucket == self._bucket:
            return
        day = _day(bucket)
        if day != self._day:
            await self._cassandra.run(_INSERT_DAY, _year(day), day)
        await self._cassandra.run(_INSERT, day, bucket)
        self._day, self._bucket = day, bucket

    async def listed(self, *, now_us: int, since: int = 0) -> list[Bucket]:
        """The buckets from `since` on, in order."""
        first = max(FIRST_YEAR, _year(_day(since)))
        years = range(first, from_us(now_us + DAY_US).year + 1)
        found = await asyncio.gather(*(self._cassandra.run(_DAYS, year) for year in years))
        days = [day for rows in found for (day,) in rows if day >= _day(since)]
        buckets: list[Bucket] = []
        for start in range(0, len(days), DAYS_AT_ONCE):
            some = days[start : start + DAYS_AT_ONCE]
            for of_day in await asyncio.gather(*(self._of_day(day, since, now_us=now_us) for day in some)):
                buckets += of_day
        return buckets

    async def _of_day(self, day: int, since: int, *, now_us: int) -> list[Bucket]:
        buckets = [Bucket(*row) for row in await self._cassandra.run(_BUCKETS, day, since)]
        if not buckets and since <= day * DAY_US // BUCKET_US and now_us - day * DAY_US > KEPT.total_seconds() * 1e6:
            await self._cassandra.run(_DELETE_DAY, _year(day), day)
        return buckets

    async def mark_quiet(self, bucket: int) -> None:
        """Nothing waits in it: whoever starts need not look."""
        await self._cassandra.run(_QUIET, _day(bucket), bucket)

    async def close(self, bucket: int) -> None:
        """Take it off the list."""
        await self._cassandra.run(_DELETE, _day(bucket), bucket)


def _day(bucket: int) -> int:
    return bucket * BUCKET_US // DAY_US


def _year(day: int) -> int:
    return from_us(day * DAY_US).year

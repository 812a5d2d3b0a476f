"""Lists of tweet ids in Cassandra, newest first: of many authors at once, each in partitions of a month."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mesh.ids import id_time_us
from mesh.storage.cassandra import Cassandra, Row, Statement

# How many rows are asked of one month at once.
MOST_OF_A_MONTH = 2_000
NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class List:
    """Which months there are, and ids with marks. A row with a mark is not shown."""

    months: Statement
    rows: Statement


_TWEET_MONTHS = Statement(
    "tweets.months", "SELECT user_id, month FROM tweet_months WHERE user_id IN ? AND month >= ? AND month <= ?"
)
OF_AUTHOR = List(
    _TWEET_MONTHS,
    Statement(
        "tweets.of_author",
        "SELECT user_id, tweet_id, is_deleted FROM tweets_by_user"
        " WHERE user_id IN ? AND month = ? AND tweet_id < ? AND tweet_id > ? PER PARTITION LIMIT ?",
    ),
)
OF_AUTHOR_WITHOUT_REPLIES = List(
    _TWEET_MONTHS,
    Statement(
        "tweets.of_author_without_replies",
        "SELECT user_id, tweet_id, is_deleted, is_reply FROM tweets_by_user"
        " WHERE user_id IN ? AND month = ? AND tweet_id < ? AND tweet_id > ? PER PARTITION LIMIT ?",
    ),
)
REPLIES = List(
    Statement(
        "tweets.reply_months",
        "SELECT parent_id, month FROM reply_months WHERE parent_id IN ? AND month >= ? AND month <= ?",
    ),
    Statement(
        "tweets.replies",
        "SELECT parent_id, tweet_id, is_deleted FROM replies"
        " WHERE parent_id IN ? AND month = ? AND tweet_id < ? AND tweet_id > ? PER PARTITION LIMIT ?",
    ),
)


@dataclass(slots=True)
class _Walk:
    """One list on its way down: the months to come, newest last, and how many rows of this one were hidden."""

    below: int
    months: list[int]
    found: list[int] = field(default_factory=list)
    hidden: int = 0

    def next_size(self, limit: int) -> int:
        """As many more as there were hidden ones: a long run of them is passed in few steps."""
        return min(limit - len(self.found) + self.hidden, MOST_OF_A_MONTH)

    def take(self, rows: list[Row], *, size: int) -> None:
        """Rows of an id and its marks, newest first, of which `size` were asked for."""
        shown = [tweet_id for tweet_id, *marks in rows if not any(marks)]
        self.found += shown
        self.hidden += len(rows) - len(shown)
        if len(rows) < size:
            self.months.pop()
            self.hidden = 0
        else:
            self.below = rows[-1][0]


async def newest(
    cassandra: Cassandra, listed: List, keys: Iterable[int], *, below: int, above: int, limit: int
) -> dict[int, list[int]]:
    """The newest ids of each list below one id (0: of all) and above another, `limit` at most; no key for none.

    Lists that go on in the same month are read together, so a call for many costs few statements. Raises Unavailable.
    """
    below = below or NO_END
    walks = defaultdict[int, _Walk](lambda: _Walk(below, []))
    for key, month in await cassandra.run_in(listed.months, keys, month_of(above), month_of(below), rows_of_each=120):
        walks[key].months.append(month)
    for walk in walks.values():
        walk.months.sort()

    async def read_on(keys: list[int], month: int, below: int, size: int) -> None:
        of_each: dict[int, list[Row]] = {key: [] for key in keys}
        for key, *row in await cassandra.run_in(listed.rows, keys, month, below, above, size, rows_of_each=size):
            of_each[key].append(tuple(row))
        for key, rows in of_each.items():
            walks[key].take(rows, size=size)

    while ahead := {key: walk for key, walk in walks.items() if walk.months and len(walk.found) < limit}:
        alike = defaultdict[tuple[int, int, int], list[int]](list)
        for key, walk in ahead.items():
            alike[walk.months[-1], walk.below, walk.next_size(limit)].append(key)
        await asyncio.gather(*(read_on(keys, *where) for where, keys in alike.items()))
    return {key: walk.found[:limit] for key, walk in walks.items() if walk.found}


def month_of(tweet_id: int) -> int:
    """When an id was stamped, as 202611."""
    day = datetime.fromtimestamp(id_time_us(tweet_id) // 1_000_000, UTC)
    return day.year * 100 + day.month

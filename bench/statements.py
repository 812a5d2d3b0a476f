"""What the Python client spends on one prepared statement, through mesh/storage/cassandra.py."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files

from bench.opened_stores import open_ready
from bench.store_calls import Ids, Operation
from mesh.storage.cassandra import Statement
from mesh.storage.url import CassandraUrl, parse_store_url

# Microseconds of CPU.
TARGETS = {"insert": 100.0, "select": 160.0, "page of 20 rows": 200.0}
CALLS = 2_560
ROWS = 20
MONTH = 202601

_INSERT = Statement(
    "bench.insert",
    "INSERT INTO tweet_by_id (tweet_id, user_id, content, in_reply_to_tweet_id, conversation_id)"
    " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?",
)
_SELECT = Statement(
    "bench.select",
    "SELECT user_id, content, in_reply_to_tweet_id, conversation_id, is_deleted FROM tweet_by_id WHERE tweet_id = ?",
)
_INSERT_OF_USER = Statement(
    "bench.insert_of_user",
    "INSERT INTO tweets_by_user (user_id, month, tweet_id, is_reply) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
)
_PAGE = Statement(
    "bench.page",
    "SELECT tweet_id, is_deleted, is_reply FROM tweets_by_user"
    " WHERE user_id = ? AND month = ? AND tweet_id < ? LIMIT ?",
)


@asynccontextmanager
async def open_statements(url: str) -> AsyncIterator[list[Operation]]:
    """Statements of the tweet store's tables, 64 in flight."""
    parsed, chance, ids = parse_store_url(url), random.Random(7), Ids()
    if not isinstance(parsed, CassandraUrl):
        raise TypeError("these are for Cassandra")
    async with AsyncExitStack() as stack:
        cassandra = await open_ready(stack, "tweet", parsed, files("tweet_svc.store") / "schema" / "cassandra")
        tweets = [ids.next() for _ in range(500)]
        author = ids.next()

        async def insert(tweet_id: int) -> None:
            body = "Reading about queues again. #coffee"
            await cassandra.run(_INSERT, tweet_id, author, body, 0, tweet_id, time.time_ns() // 1000)

        async def select() -> None:
            if len(await cassandra.run(_SELECT, chance.choice(tweets))) != 1:
                raise RuntimeError("a tweet is missing")

        async def page() -> None:
            if len(await cassandra.run(_PAGE, author, MONTH, 2**63 - 1, ROWS)) != ROWS:
                raise RuntimeError("rows are missing")

        for tweet_id in tweets:
            await insert(tweet_id)
        for tweet_id in tweets[:ROWS]:
            row: tuple[object, ...] = (author, MONTH, tweet_id, False, time.time_ns() // 1000)
            await cassandra.run(_INSERT_OF_USER, *row)
        yield [
            Operation("insert", lambda: insert(ids.next()), calls=CALLS),
            Operation("select", select, calls=CALLS),
            Operation("page of 20 rows", page, calls=CALLS),
        ]

"""What the Python client spends on one prepared statement, through mesh/storage/cassandra.py."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from bench.driver_alone import measure_driver_alone
from bench.load import Cost
from bench.opened_stores import open_ready
from bench.store_calls import Ids, Operation
from mesh.storage.cassandra import Statement
from mesh.storage.cassandra_session import connect
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


@dataclass(frozen=True, slots=True)
class Statements:
    """Through mesh/storage/cassandra.py; and the insert of them through the driver alone, as often."""

    asked: list[Operation]
    alone: Callable[[], Awaitable[Cost]]


@asynccontextmanager
async def open_statements(url: str) -> AsyncIterator[Statements]:
    """Statements of the tweet store's tables, 64 in flight."""
    parsed, chance, ids = parse_store_url(url), random.Random(7), Ids()
    if not isinstance(parsed, CassandraUrl):
        raise TypeError("these are for Cassandra")
    async with AsyncExitStack() as stack:
        schema = files("tweet_svc.store") / "schema" / "cassandra"
        cassandra = await open_ready(stack, "tweet", parsed, schema)
        session = await asyncio.to_thread(connect, parsed, component="tweet", schema=schema)
        stack.callback(session.cluster.shutdown)
        tweets = [ids.next() for _ in range(500)]
        author = ids.next()

        def row_of(tweet_id: int) -> tuple[object, ...]:
            return tweet_id, author, "Reading about queues again. #coffee", 0, tweet_id, time.time_ns() // 1000

        async def insert(tweet_id: int) -> None:
            await cassandra.run(_INSERT, *row_of(tweet_id))

        async def select() -> None:
            if len(await cassandra.run(_SELECT, chance.choice(tweets))) != 1:
                raise RuntimeError("a tweet is missing")

        async def page() -> None:
            if len(await cassandra.run(_PAGE, author, MONTH, 2**63 - 1, ROWS)) != ROWS:
                raise RuntimeError("rows are missing")

        for tweet_id in tweets:
            await insert(tweet_id)
        for tweet_id in tweets[:ROWS]:
            row = (author, MONTH, tweet_id, False, time.time_ns() // 1000)
            await cassandra.run(_INSERT_OF_USER, *row)
        asked = [
            Operation("insert", lambda: insert(ids.next()), calls=CALLS),
            Operation("select", select, calls=CALLS),
            Operation("page of 20 rows", page, calls=CALLS),
        ]
        in_flight = asked[0].in_flight
        yield Statements(
            asked,
            lambda: measure_driver_alone(
                session, _INSERT.text, lambda: row_of(ids.next()), calls=CALLS, in_flight=in_flight
            ),
        )

"""The stores of three services on one engine, as their `app` opens them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from engagement_svc.store import EngagementStore
from engagement_svc.store.cassandra import CassandraEngagementStore
from engagement_svc.store.cassandra_marks import Marks
from engagement_svc.store.cassandra_settling import Settling
from engagement_svc.store.sqlite import SqliteEngagementStore
from graph_svc.store import GraphStore
from graph_svc.store.cassandra import CassandraGraphStore
from graph_svc.store.sqlite import SqliteGraphStore
from mesh.clock import SystemClock
from mesh.errors import Unavailable
from mesh.storage.cassandra import Cassandra, open_cassandra
from mesh.storage.cassandra_outbox import CassandraOutbox
from mesh.storage.sqlite import SqliteDatabase, open_database
from mesh.storage.url import CassandraUrl, SqliteUrl, parse_store_url
from tweet_svc.store import TweetStore
from tweet_svc.store.cassandra import CassandraTweetStore
from tweet_svc.store.sqlite import SqliteTweetStore

CONNECTED_WITHIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Stores:
    """One engine's."""

    tweets: TweetStore
    graph: GraphStore
    engagements: EngagementStore


@asynccontextmanager
async def open_stores(urls: Mapping[str, str]) -> AsyncIterator[Stores]:
    """Those of the URL of each service ("tweet"), ready to be asked."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        engines = {name: await _open_engine(stack, name, urls[name]) for name in ("tweet", "graph", "engagement")}
        match engines["tweet"], engines["graph"], engines["engagement"]:
            case SqliteDatabase() as tweet, SqliteDatabase() as graph, SqliteDatabase() as engagement:
                yield Stores(SqliteTweetStore(tweet), SqliteGraphStore(graph), SqliteEngagementStore(engagement))
            case Cassandra() as tweet, Cassandra() as graph, Cassandra() as engagement:
                marks = Marks(engagement, clock)
                yield Stores(
                    CassandraTweetStore(tweet, CassandraOutbox(tweet)),
                    CassandraGraphStore(graph, CassandraOutbox(graph, clock=clock), clock=clock),
                    CassandraEngagementStore(engagement, settling=Settling(engagement, marks), marks=marks),
                )
            case _:
                raise ValueError("the stores are on different engines")


async def _open_engine(stack: AsyncExitStack, name: str, text: str) -> SqliteDatabase | Cassandra:
    url, schema = parse_store_url(text), files(f"{name}_svc.store") / "schema"
    if isinstance(url, SqliteUrl):
        opening = open_database(url.file_of(f"{name}_svc"), component=name, schema=schema / "sqlite")
        return await stack.enter_async_context(opening)
    return await open_ready(stack, name, url, schema / "cassandra")


async def open_ready(stack: AsyncExitStack, name: str, url: CassandraUrl, schema: Traversable) -> Cassandra:
    """The keyspace of a service, when it answers. Raises Unavailable when it does not."""
    cassandra = await stack.enter_async_context(open_cassandra(url, component=name, schema=schema))
    last = time.monotonic() + CONNECTED_WITHIN_SECONDS
    while True:
        try:
            await cassandra.ping()
        except Unavailable:
            if time.monotonic() > last:
                raise
            await asyncio.sleep(0.1)
        else:
            return cassandra

"""Opens what engagement_svc needs and closes it in reverse; the only module that names a backend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.resources import files

from aviary.engagement.internal.v1 import engagement_internal_service_pb2
from aviary.engagement.v1 import engagement_service_pb2
from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceStub
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from engagement_svc.clients.tweets import RemoteLiveTweets
from engagement_svc.config import EngagementConfig
from engagement_svc.consumers.tweet_created import on_tweet_created
from engagement_svc.consumers.tweet_deleted import on_tweet_deleted
from engagement_svc.servicer import Deps, EngagementInternalServicer, EngagementServicer
from engagement_svc.store import EngagementStore
from engagement_svc.store.sqlite import SqliteEngagementStore
from mesh.clock import Clock, SystemClock
from mesh.events.consume import Consumer
from mesh.events.nats import open_bus
from mesh.grpc_client import open_channels
from mesh.ids import lease_ids
from mesh.metrics import Metrics
from mesh.paging import Paging
from mesh.process import Served, Service
from mesh.storage.id_leases import IdLeases, SqliteIdLeases
from mesh.storage.redis import open_redis
from mesh.storage.sqlite import open_database
from mesh.storage.url import SqliteUrl, parse_store_url
from mesh.tokens import ServiceTokens
from views.cache import BodyCache
from views.clients.users import CachedUsers
from views.metrics import ViewMetrics

NAME = "engagement_svc"


@asynccontextmanager
async def open_service(config: EngagementConfig, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The service, ready to be served. Neither NATS, Redis nor another service needs to be there."""
    clock = clock or SystemClock()
    mesh = config.mesh
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        store, leases, repairs = await _open_store(stack, config, metrics, clock)
        ids = await stack.enter_async_context(lease_ids(leases, service="engagement", clock=clock))
        bus = await stack.enter_async_context(open_bus(mesh.bus_url, name=NAME))
        redis = await stack.enter_async_context(open_redis(mesh.redis_url))
        tokens = ServiceTokens(NAME, mesh.service_key_file, clock)
        channels = await stack.enter_async_context(open_channels(mesh, service=NAME, tokens=tokens, metrics=metrics))
        tweets = RemoteLiveTweets(TweetInternalServiceStub(channels.to("tweet")))
        cache = BodyCache(redis, clock=clock, metrics=ViewMetrics(metrics.registry))
        users = CachedUsers(cache, UserInternalServiceStub(channels.to("user")))
        events = {
            "tweet_created": partial(on_tweet_created, store=store),
            "tweet_deleted": partial(on_tweet_deleted, store=store),
        }
        consumer = Consumer(bus, group="engagement", events=events, clock=clock, metrics=metrics)
        deps = Deps(store, tweets, users, ids, clock, Paging(mesh.page_token_key))
        yield Service(
            name=NAME,
            served=[
                Served(
                    engagement_service_pb2.DESCRIPTOR.services_by_name["EngagementService"], EngagementServicer(deps)
                ),
                Served(
                    engagement_internal_service_pb2.DESCRIPTOR.services_by_name["EngagementInternalService"],
                    EngagementInternalServicer(store),
                ),
            ],
            work=[consumer.run, *repairs],
            ready=store.ping,
            metrics=metrics,
        )


async def _open_store(
    stack: AsyncExitStack, config: EngagementConfig, metrics: Metrics, clock: Clock
) -> tuple[EngagementStore, IdLeases, list[Callable[[], Awaitable[None]]]]:
    """The store that the URL names, the leases in it, and what it has to do in the background."""
    url = parse_store_url(config.mesh.store_url)
    schemas = files("engagement_svc.store") / "schema"
    if isinstance(url, SqliteUrl):
        database = await stack.enter_async_context(
            open_database(url.file_of(NAME), component="engagement", schema=schemas / "sqlite")
        )
        return SqliteEngagementStore(database), SqliteIdLeases(database), []
    # Only who uses the driver imports it: it takes more than 10 MB.
    from engagement_svc.store.cassandra import CassandraEngagementStore  # noqa: PLC0415 - see above
    from engagement_svc.store.cassandra_marks import Marks  # noqa: PLC0415 - see above
    from engagement_svc.store.cassandra_repair import Repair  # noqa: PLC0415 - see above
    from engagement_svc.store.cassandra_settling import Settling  # noqa: PLC0415 - see above
    from mesh.storage.cassandra import open_cassandra  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_id_leases import CassandraIdLeases  # noqa: PLC0415 - see above

    cassandra = await stack.enter_async_context(
        open_cassandra(url, component="engagement", schema=schemas / "cassandra", metrics=metrics)
    )
    marks = Marks(cassandra, clock)
    settling = Settling(cassandra, marks)
    store = CassandraEngagementStore(cassandra, settling=settling, marks=marks)
    return store, CassandraIdLeases(cassandra), [Repair(marks, settling, clock).run]

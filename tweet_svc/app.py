"""Opens what tweet_svc needs and closes it in reverse; the only module that names a backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.resources import files

from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceStub
from aviary.mesh.internal.v1 import mesh_admin_service_pb2
from aviary.tweet.internal.v1 import tweet_internal_service_pb2
from aviary.tweet.v1 import tweet_service_pb2
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from mesh.admin import MeshAdmin
from mesh.clock import Clock, SystemClock
from mesh.events.interface import Outbox
from mesh.events.nats import open_bus
from mesh.events.outbox import OutboxWorker
from mesh.grpc_client import open_channels
from mesh.ids import lease_ids
from mesh.metrics import Metrics
from mesh.paging import Paging
from mesh.process import Served, Service
from mesh.storage.id_leases import IdLeases, SqliteIdLeases
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.redis_pipeline import open_redis_pipeline
from mesh.storage.sqlite import open_database
from mesh.storage.url import SqliteUrl, parse_store_url
from mesh.tokens import ServiceTokens
from tweet_svc.config import TweetConfig
from tweet_svc.consumers.tweet_created import on_tweet_created
from tweet_svc.consumers.tweet_deleted import on_tweet_deleted
from tweet_svc.convert import OwnTweets
from tweet_svc.servicer import Deps, TweetInternalServicer, TweetServicer
from tweet_svc.store import TweetStore
from tweet_svc.store.sqlite import SqliteTweetStore
from views.cache import BodyCache
from views.clients.engagement import RemoteEngagements
from views.clients.users import CachedUsers
from views.metrics import ViewMetrics
from views.tweets import TweetReader

NAME = "tweet_svc"


@asynccontextmanager
async def open_service(config: TweetConfig, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The service, ready to be served. Neither NATS, Redis nor another service needs to be there."""
    clock = clock or SystemClock()
    mesh = config.mesh
    metrics = Metrics()
    view_metrics = ViewMetrics(metrics.registry)
    async with AsyncExitStack() as stack:
        store, outbox, leases = await _open_store(stack, config, metrics=metrics)
        ids = await stack.enter_async_context(lease_ids(leases, service="tweet", clock=clock))
        bus = await stack.enter_async_context(open_bus(mesh.bus_url, name=NAME))
        redis = await stack.enter_async_context(open_redis_pipeline(mesh.redis_url))
        tokens = ServiceTokens(NAME, mesh.service_key_file, clock)
        channels = await stack.enter_async_context(open_channels(mesh, service=NAME, tokens=tokens, metrics=metrics))
        cache = BodyCache(redis, clock=clock, metrics=view_metrics)
        users = CachedUsers(cache, UserInternalServiceStub(channels.to("user")))
        engagements = RemoteEngagements(EngagementInternalServiceStub(channels.to("engagement")))
        reader = TweetReader(OwnTweets(store), users, engagements, metrics=view_metrics)
        paging = Paging(mesh.page_token_key)
        own = {
            "tweet_created": partial(on_tweet_created, store=store, cache=cache),
            "tweet_deleted": partial(on_tweet_deleted, cache=cache),
        }
        worker = OutboxWorker(outbox, bus, service="tweet", own=own, clock=clock, metrics=metrics)
        deps = Deps(store, reader, users, ids, clock, paging, config.tweet_max_length)
        yield Service(
            name=NAME,
            served=[
                Served(tweet_service_pb2.DESCRIPTOR.services_by_name["TweetService"], TweetServicer(deps)),
                Served(
                    tweet_internal_service_pb2.DESCRIPTOR.services_by_name["TweetInternalService"],
                    TweetInternalServicer(deps),
                ),
                Served(
                    mesh_admin_service_pb2.DESCRIPTOR.services_by_name["MeshAdminService"],
                    MeshAdmin(outbox, worker, paging, clock, service=NAME),
                ),
            ],
            work=[worker.run],
            ready=store.ping,
            metrics=metrics,
        )


async def _open_store(
    stack: AsyncExitStack, config: TweetConfig, *, metrics: Metrics
) -> tuple[TweetStore, Outbox, IdLeases]:
    """On the engine that the URL names."""
    url, schema = parse_store_url(config.mesh.store_url), files("tweet_svc.store") / "schema"
    if isinstance(url, SqliteUrl):
        opening = open_database(url.file_of(NAME), component="tweet", schema=schema / "sqlite")
        database = await stack.enter_async_context(opening)
        return SqliteTweetStore(database), SqliteOutbox(database), SqliteIdLeases(database)
    # Only who uses the driver imports it: it takes more than 10 MB.
    from mesh.storage.cassandra import open_cassandra  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_id_leases import CassandraIdLeases  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_outbox import CassandraOutbox  # noqa: PLC0415 - see above
    from tweet_svc.store.cassandra import CassandraTweetStore  # noqa: PLC0415 - see above

    cassandra = await stack.enter_async_context(
        open_cassandra(url, component="tweet", schema=schema / "cassandra", metrics=metrics)
    )
    outbox = CassandraOutbox(cassandra)
    return CassandraTweetStore(cassandra, outbox), outbox, CassandraIdLeases(cassandra)

"""Opens what engagement_svc needs and closes it in reverse; the only module that names a backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
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
from engagement_svc.store.sqlite import SqliteEngagementStore
from mesh.clock import Clock, SystemClock
from mesh.events.consume import Consumer
from mesh.events.nats import open_bus
from mesh.grpc_client import open_channels
from mesh.ids import lease_ids
from mesh.metrics import Metrics
from mesh.paging import Paging
from mesh.process import Served, Service
from mesh.storage.id_leases import SqliteIdLeases
from mesh.storage.redis import open_redis
from mesh.storage.sqlite import open_database
from mesh.storage.url import parse_store_url
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
        file = parse_store_url(mesh.store_url).file_of(NAME)
        schema = files("engagement_svc.store") / "schema" / "sqlite"
        database = await stack.enter_async_context(open_database(file, component="engagement", schema=schema))
        store = SqliteEngagementStore(database)
        ids = await stack.enter_async_context(lease_ids(SqliteIdLeases(database), service="engagement", clock=clock))
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
            work=[consumer.run],
            ready=store.ping,
            metrics=metrics,
        )

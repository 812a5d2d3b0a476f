"""Opens what timeline_svc needs and closes it in reverse; the only module that names a backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceStub
from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceStub
from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceStub
from aviary.timeline.internal.v1 import timeline_internal_service_pb2
from aviary.timeline.v1 import timeline_service_pb2
from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceStub
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from mesh.clock import Clock, SystemClock
from mesh.events.consume import Confirmer, Consumer
from mesh.events.interface import EventBus
from mesh.events.nats import open_bus
from mesh.grpc_client import Channels, open_channels
from mesh.metrics import Metrics
from mesh.paging import Paging
from mesh.process import Served, Service
from mesh.storage.redis_pipeline import open_redis_pipeline
from mesh.tokens import ServiceTokens
from timeline_svc.clients.graph import RemoteGraph
from timeline_svc.clients.outboxes import RemoteOutboxes
from timeline_svc.clients.tweets import RemoteAuthorTweets, UncachedTweets
from timeline_svc.config import TimelineConfig
from timeline_svc.consumers.author_class_changed import on_author_class_changed
from timeline_svc.consumers.fanout_job import abandon_fanout_job, on_fanout_job
from timeline_svc.consumers.follow_changed import on_follow_changed
from timeline_svc.consumers.tweet_created import abandon_tweet_created, on_tweet_created
from timeline_svc.fanout.backfill import Backfill
from timeline_svc.fanout.deliver import Fanout
from timeline_svc.home.audit import Audited, Auditor
from timeline_svc.home.author_lists import AuthorLists
from timeline_svc.home.contexts import Standings
from timeline_svc.home.errands import open_errands
from timeline_svc.home.explain import Explainer
from timeline_svc.home.oracle import HomeOwnership, ListOwnership, Oracle
from timeline_svc.home.page import HomeReader
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.home.skeleton import Skeletons
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import TimelineLimits
from timeline_svc.servicer import Deps, TimelineInternalServicer, TimelineServicer
from timeline_svc.store.redis import (
    Origin,
    RedisFanoutRecords,
    RedisTimelineStore,
    Scripts,
    author_key,
    home_keys,
    script_texts,
)
from views.cache import BodyCache
from views.clients.engagement import RemoteEngagements
from views.clients.graph import RemoteReadContexts
from views.clients.tweets import CachedTweets, StoredTweets
from views.clients.users import CachedUsers
from views.metrics import ViewMetrics
from views.tweets import TweetReader

NAME = "timeline_svc"
GROUP = "timeline"


@asynccontextmanager
async def open_service(config: TimelineConfig, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The service, ready to be served. Neither NATS, Redis nor another service needs to be there."""
    clock = clock or SystemClock()
    mesh = config.mesh
    metrics = Metrics()
    timeline_metrics = TimelineMetrics(metrics.registry)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(open_bus(mesh.bus_url, name=NAME))
        redis = await stack.enter_async_context(open_redis_pipeline(mesh.redis_url))
        tokens = ServiceTokens(NAME, mesh.service_key_file, clock)
        channels = await stack.enter_async_context(open_channels(mesh, service=NAME, tokens=tokens, metrics=metrics))
        errands = await stack.enter_async_context(open_errands())
        limits = TimelineLimits(capacity=config.capacity, expires=timedelta(days=config.expires_days))
        timelines = partial(RedisTimelineStore, redis, scripts=Scripts(script_texts()), limits=limits, clock=clock)
        homes = timelines(key_of=home_keys(config.shards))
        lists = timelines(key_of=author_key)
        view_metrics = ViewMetrics(metrics.registry)
        cache = BodyCache(redis, clock=clock, metrics=view_metrics)

        records = RedisFanoutRecords(
            redis, scripts=Scripts(script_texts()), kept_for=timedelta(hours=config.fanout_status_hours)
        )
        graph = RemoteGraph(GraphInternalServiceStub(channels.to("graph")))
        ids = RemoteAuthorTweets(TweetInternalServiceStub(channels.to("tweet")))
        rebuilder = Rebuilder(homes, graph, ids, errands, timeline_metrics, config.capacity)
        contexts = RemoteReadContexts(GraphInternalServiceStub(channels.to("graph")))
        bodies = CachedTweets(cache, TweetInternalServiceStub(channels.to("tweet")))
        home = HomeReader(
            skeletons=Skeletons(homes, rebuilder, graph, ids),
            author_lists=AuthorLists(lists, ids, errands),
            standings=Standings(contexts, clock=clock),
            tweets=_reader(channels, bodies, cache, view_metrics),
            store=homes,
            errands=errands,
            metrics=view_metrics,
        )
        explainer = Explainer(homes, lists, records, rebuilder, graph, contexts, ids, bodies)
        deps = Deps(home, rebuilder, explainer, records, Paging(mesh.page_token_key))

        # A worker starts its calls itself, so it is the one to repeat them.
        worker_graph = RemoteGraph(GraphInternalServiceStub(channels.to("graph", retrying=True)))
        tweet_stub = TweetInternalServiceStub(channels.to("tweet", retrying=True))
        worker_ids = RemoteAuthorTweets(tweet_stub)
        fanout = Fanout(worker_graph, homes, lists, bus, clock, metrics, timeline_metrics, records)
        backfill = Backfill(worker_graph, worker_ids, homes, bus)
        consumer = _consumer(bus, fanout, backfill, CachedTweets(cache, tweet_stub), clock=clock, metrics=metrics)
        worker_contexts = RemoteReadContexts(GraphInternalServiceStub(channels.to("graph", retrying=True)))
        of_homes = Oracle(homes, HomeOwnership(worker_graph, worker_contexts), worker_ids, UncachedTweets(tweet_stub))
        of_lists = Oracle(lists, ListOwnership(), worker_ids, UncachedTweets(tweet_stub))
        worker_rebuilder = Rebuilder(homes, worker_graph, worker_ids, errands, timeline_metrics, config.capacity)
        origin = Origin(redis)
        auditor = Auditor(
            [
                Audited("a timeline", of_homes, worker_rebuilder.renew),
                Audited("an author's list", of_lists, lists.drop),
            ],
            RemoteOutboxes([MeshAdminServiceStub(channels.to(owner, retrying=True)) for owner in ("tweet", "graph")]),
            timeline_metrics,
            origin.look,
            per_minute=config.audits_per_minute,
            settling=timedelta(seconds=config.audit_settling_seconds),
        )
        work = [consumer.run, auditor.run, origin.guard]
        yield Service(name=NAME, served=_served(deps), work=work, ready=_ready, metrics=metrics)


def _reader(channels: Channels, bodies: StoredTweets, cache: BodyCache, metrics: ViewMetrics) -> TweetReader:
    return TweetReader(
        bodies,
        CachedUsers(cache, UserInternalServiceStub(channels.to("user"))),
        RemoteEngagements(EngagementInternalServiceStub(channels.to("engagement"))),
        metrics=metrics,
    )


def _consumer(
    bus: EventBus, fanout: Fanout, backfill: Backfill, tweets: StoredTweets, *, clock: Clock, metrics: Metrics
) -> Consumer:
    confirmer = Confirmer(bus, GROUP)
    return Consumer(
        bus,
        group=GROUP,
        events={
            "tweet_created": partial(on_tweet_created, tweets=tweets, fanout=fanout),
            "follow_changed": partial(on_follow_changed, backfill=backfill),
            "author_class_changed": partial(on_author_class_changed, bus=bus),
        },
        jobs={"job.fanout.*": partial(on_fanout_job, fanout=fanout, backfill=backfill, confirmer=confirmer)},
        abandon_job=partial(abandon_fanout_job, records=fanout.records, confirmer=confirmer),
        abandon_event=partial(abandon_tweet_created, records=fanout.records),
        confirmer=confirmer,
        clock=clock,
        metrics=metrics,
    )


def _served(deps: Deps) -> list[Served]:
    return [
        Served(timeline_service_pb2.DESCRIPTOR.services_by_name["TimelineService"], TimelineServicer(deps)),
        Served(
            timeline_internal_service_pb2.DESCRIPTOR.services_by_name["TimelineInternalService"],
            TimelineInternalServicer(deps),
        ),
    ]


async def _ready() -> None:
    """Timelines are answered from the sources while Redis is away."""

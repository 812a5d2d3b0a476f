"""Opens what graph_svc needs and closes it in reverse; the only module that names a backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.resources import files

from aviary.graph.internal.v1 import graph_internal_service_pb2
from aviary.graph.v1 import graph_service_pb2
from aviary.mesh.internal.v1 import mesh_admin_service_pb2
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceStub
from graph_svc.author_class import Bounds
from graph_svc.config import GraphConfig
from graph_svc.consumers.follow_changed import on_follow_changed
from graph_svc.flip import FlipJob
from graph_svc.servicer import Deps, GraphInternalServicer, GraphServicer
from graph_svc.store import GraphStore
from graph_svc.store.sqlite import SqliteGraphStore
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
from mesh.storage.redis import open_redis
from mesh.storage.sqlite import open_database
from mesh.storage.url import SqliteUrl, parse_store_url
from mesh.tokens import ServiceTokens
from views.cache import BodyCache
from views.clients.users import CachedUsers
from views.metrics import ViewMetrics

NAME = "graph_svc"


@asynccontextmanager
async def open_service(config: GraphConfig, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The service, ready to be served. Neither NATS, Redis nor another service needs to be there."""
    clock = clock or SystemClock()
    mesh = config.mesh
    metrics = Metrics()
    bounds = Bounds(pull_at=config.pull_threshold, back_at=config.pull_back, both_for=config.both_for)
    async with AsyncExitStack() as stack:
        store, outbox, leases = await _open_store(stack, config, clock=clock, metrics=metrics)
        ids = await stack.enter_async_context(lease_ids(leases, service="graph", clock=clock))
        bus = await stack.enter_async_context(open_bus(mesh.bus_url, name=NAME))
        redis = await stack.enter_async_context(open_redis(mesh.redis_url))
        tokens = ServiceTokens(NAME, mesh.service_key_file, clock)
        channels = await stack.enter_async_context(open_channels(mesh, service=NAME, tokens=tokens, metrics=metrics))
        cache = BodyCache(redis, clock=clock, metrics=ViewMetrics(metrics.registry))
        users = CachedUsers(cache, UserInternalServiceStub(channels.to("user")))
        paging = Paging(mesh.page_token_key)
        own = {"follow_changed": partial(on_follow_changed, store=store, ids=ids, clock=clock, bounds=bounds)}
        worker = OutboxWorker(outbox, bus, service="graph", own=own, clock=clock, metrics=metrics)
        flips = FlipJob(store, outbox, clock=clock, bounds=bounds)
        deps = Deps(store, users, ids, clock, paging)
        yield Service(
            name=NAME,
            served=[
                Served(graph_service_pb2.DESCRIPTOR.services_by_name["GraphService"], GraphServicer(deps)),
                Served(
                    graph_internal_service_pb2.DESCRIPTOR.services_by_name["GraphInternalService"],
                    GraphInternalServicer(store),
                ),
                Served(
                    mesh_admin_service_pb2.DESCRIPTOR.services_by_name["MeshAdminService"],
                    MeshAdmin(outbox, worker, paging, clock, service=NAME),
                ),
            ],
            work=[worker.run, flips.run],
            ready=store.ping,
            metrics=metrics,
        )


async def _open_store(
    stack: AsyncExitStack, config: GraphConfig, *, clock: Clock, metrics: Metrics
) -> tuple[GraphStore, Outbox, IdLeases]:
    """On the engine that the URL names."""
    url, schema = parse_store_url(config.mesh.store_url), files("graph_svc.store") / "schema"
    if isinstance(url, SqliteUrl):
        opening = open_database(url.file_of(NAME), component="graph", schema=schema / "sqlite")
        database = await stack.enter_async_context(opening)
        return SqliteGraphStore(database), SqliteOutbox(database), SqliteIdLeases(database)
    # Only who uses the driver imports it: it takes more than 10 MB.
    from graph_svc.store.cassandra import CassandraGraphStore  # noqa: PLC0415 - see above
    from mesh.storage.cassandra import open_cassandra  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_id_leases import CassandraIdLeases  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_outbox import CassandraOutbox  # noqa: PLC0415 - see above

    cassandra = await stack.enter_async_context(
        open_cassandra(url, component="graph", schema=schema / "cassandra", metrics=metrics)
    )
    outbox = CassandraOutbox(cassandra, clock=clock)
    return CassandraGraphStore(cassandra, outbox, clock=clock), outbox, CassandraIdLeases(cassandra)

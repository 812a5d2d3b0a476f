"""Opens what user_svc needs and closes it in reverse; the only module that names a backend."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.resources import files

from aviary.auth.v1 import auth_service_pb2
from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceStub
from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceStub
from aviary.mesh.internal.v1 import mesh_admin_service_pb2
from aviary.user.internal.v1 import user_internal_service_pb2
from aviary.user.v1 import user_service_pb2
from mesh.admin import MeshAdmin
from mesh.clock import Clock, SystemClock
from mesh.events.interface import Outbox
from mesh.events.nats import open_bus
from mesh.events.outbox import OutboxWorker
from mesh.grpc_client import open_channels
from mesh.ids import lease_ids
from mesh.keys import read_signing_key
from mesh.metrics import Metrics
from mesh.paging import Paging
from mesh.process import Served, Service
from mesh.storage.id_leases import IdLeases, SqliteIdLeases
from mesh.storage.outbox import SqliteOutbox
from mesh.storage.redis import open_redis
from mesh.storage.sqlite import open_database
from mesh.storage.url import SqliteUrl, parse_store_url
from mesh.tokens import ServiceTokens
from user_svc.clients.cards import Cards
from user_svc.clients.counts import RemoteAccountCounts
from user_svc.clients.relationships import RemoteRelationships
from user_svc.config import UserConfig
from user_svc.consumers.user_changed import on_user_changed
from user_svc.passwords import open_passwords
from user_svc.servicer import AuthServicer, Deps, UserInternalServicer, UserServicer
from user_svc.store import SessionStore, UserStore
from user_svc.store.sqlite import SqliteSessionStore, SqliteUserStore
from views.cache import BodyCache
from views.metrics import ViewMetrics

NAME = "user_svc"


@asynccontextmanager
async def open_service(config: UserConfig, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The service, ready to be served. Neither NATS, Redis nor another service needs to be there."""
    clock = clock or SystemClock()
    mesh = config.mesh
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        store, sessions, outbox, leases = await _open_store(stack, config, clock=clock, metrics=metrics)
        ids = await stack.enter_async_context(lease_ids(leases, service="user", clock=clock))
        bus = await stack.enter_async_context(open_bus(mesh.bus_url, name=NAME))
        redis = await stack.enter_async_context(open_redis(mesh.redis_url))
        passwords = await stack.enter_async_context(open_passwords(cores=os.cpu_count() or 1))
        tokens = ServiceTokens(NAME, mesh.service_key_file, clock)
        channels = await stack.enter_async_context(open_channels(mesh, service=NAME, tokens=tokens, metrics=metrics))
        graph = GraphInternalServiceStub(channels.to("graph"))
        engagement = EngagementInternalServiceStub(channels.to("engagement"))
        cards = Cards(RemoteAccountCounts(graph, engagement), RemoteRelationships(graph))
        cache = BodyCache(redis, clock=clock, metrics=ViewMetrics(metrics.registry))
        own = {"user_changed": partial(on_user_changed, store=store, cache=cache, clock=clock)}
        worker = OutboxWorker(outbox, bus, service="user", own=own, clock=clock, metrics=metrics)
        deps = Deps(
            users=store,
            sessions=sessions,
            cards=cards,
            passwords=passwords,
            key=read_signing_key(NAME, mesh.service_key_file),
            jwks_file=mesh.jwks_file,
            ids=ids,
            clock=clock,
        )
        yield Service(
            name=NAME,
            served=[
                Served(user_service_pb2.DESCRIPTOR.services_by_name["UserService"], UserServicer(deps)),
                Served(auth_service_pb2.DESCRIPTOR.services_by_name["AuthService"], AuthServicer(deps)),
                Served(
                    user_internal_service_pb2.DESCRIPTOR.services_by_name["UserInternalService"],
                    UserInternalServicer(deps),
                ),
                Served(
                    mesh_admin_service_pb2.DESCRIPTOR.services_by_name["MeshAdminService"],
                    MeshAdmin(outbox, worker, Paging(mesh.page_token_key), clock, service=NAME),
                ),
            ],
            work=[worker.run],
            ready=store.ping,
            metrics=metrics,
        )


async def _open_store(
    stack: AsyncExitStack, config: UserConfig, *, clock: Clock, metrics: Metrics
) -> tuple[UserStore, SessionStore, Outbox, IdLeases]:
    """On the engine that the URL names."""
    url, schema = parse_store_url(config.mesh.store_url), files("user_svc.store") / "schema"
    if isinstance(url, SqliteUrl):
        opening = open_database(url.file_of(NAME), component="user", schema=schema / "sqlite")
        database = await stack.enter_async_context(opening)
        return SqliteUserStore(database), SqliteSessionStore(database), SqliteOutbox(database), SqliteIdLeases(database)
    # Only who uses the driver imports it: it takes more than 10 MB.
    from mesh.storage.cassandra import open_cassandra  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_id_leases import CassandraIdLeases  # noqa: PLC0415 - see above
    from mesh.storage.cassandra_outbox import CassandraOutbox  # noqa: PLC0415 - see above
    from user_svc.store.cassandra import CassandraUserStore  # noqa: PLC0415 - see above
    from user_svc.store.cassandra_sessions import CassandraSessionStore  # noqa: PLC0415 - see above

    cassandra = await stack.enter_async_context(
        open_cassandra(url, component="user", schema=schema / "cassandra", metrics=metrics)
    )
    outbox = CassandraOutbox(cassandra, clock=clock)
    users = CassandraUserStore(cassandra, outbox)
    return users, CassandraSessionStore(cassandra), outbox, CassandraIdLeases(cassandra)

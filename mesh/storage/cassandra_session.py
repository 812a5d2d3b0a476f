"""A session with a cluster: how the driver is set up, what can be wrong with the settings, and the schema at its start.

All of it blocks: it runs in a thread.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
from contextlib import ExitStack
from datetime import timedelta
from importlib.resources.abc import Traversable
from typing import Any

from cassandra import (
    AuthenticationFailed,
    ConsistencyLevel,
    DriverException,
    InvalidRequest,
    RequestValidationException,
    Unauthorized,
    UnresolvableContactPoints,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.connection import ConnectionException, ConnectionShutdown
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    TokenAwarePolicy,
)
from cassandra.protocol import ErrorMessage
from cassandra.protocol import SyntaxException as BadCql
from cassandra.query import tuple_factory

from mesh.storage.cassandra_keyspace import MayNotMake, make_keyspace
from mesh.storage.cassandra_migrations import NotNow, migrate
from mesh.storage.url import CassandraUrl

# What the cluster or the way to it is to blame for; the driver's failures have no class in common.
TROUBLE = (NoHostAvailable, ConnectionException, DriverException, ErrorMessage)
# The exceptions to it: a statement that is wrong or not allowed is a defect of ours.
DEFECTS = (RequestValidationException, BadCql)
CONNECT_TIMEOUT = timedelta(seconds=5)
# For what the driver asks at its start; with its own 2 s a node that has just come up, or is busy, is given up.
FIRST_ANSWERS_TIMEOUT = timedelta(seconds=10)
RECONNECT_EVERY = timedelta(seconds=1)
# With 5, driver 3.30 loses bytes when a read ends within the header of a segment.
PROTOCOL = 4

# A login is refused also because a node cannot look the role up now, or stops: only this is about the credentials.
_BAD_CREDENTIALS = re.compile(r"code=0100 .*Provided username .* incorrect", re.DOTALL)
# Of what TLS says the driver hands on the text alone.
_BAD_CERTIFICATE = re.compile(r"certificate verify failed: (.*?)\.?(?: \(_ssl|$)")
_TLS_FAILED = re.compile(r"\[SSL: \w+\] (.*?)(?: \(_ssl|$)")

# The driver tells every attempt to reconnect, with its stack; what matters of it is told by us.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)


class CannotConnect(Exception):
    """The cluster cannot be used now; the text says why in one line."""


class LoginRefused(ConnectionException):  # type: ignore[misc] # the driver has no types
    """A node refused a login this time, for whatever reason; the text has the node's."""


class _Connection(LibevConnection):  # type: ignore[misc] # the driver has no types
    """As its parent, but for a login that is refused: after that the driver would never ask the node again.

    A node refuses those it knows too, while it starts, stops, or cannot look up their role.
    """

    @classmethod
    def factory(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the driver has no types
        try:
            return super().factory(*args, **kwargs)
        except AuthenticationFailed as error:
            raise LoginRefused(str(error)) from error


def connect(url: CassandraUrl, *, component: str, schema: Traversable) -> Session:
    """A session with the keyspace of `component`, its tables up to date. Raises CannotConnect and NewerSchema."""
    cluster = _cluster(url)
    with ExitStack() as unless_connected:
        unless_connected.callback(cluster.shutdown)
        try:
            session = cluster.connect()
            if url.replication:
                make_keyspace(session, url, component=component)
            session.set_keyspace(url.keyspace_of(component))
            migrate(session, component=component, schema=schema, compaction=url.compaction)
        except BadCql:
            raise
        except MayNotMake as error:
            raise CannotConnect(f"{_nodes(url)}: {error}") from error
        except (*TROUBLE, NotNow) as error:
            raise CannotConnect(_reason(error, url, component, datacenters=_datacenters(cluster))) from error
        unless_connected.pop_all()
    # Statements say their timestamps where it matters; those of the driver are one process's wall clock.
    session.use_client_timestamp = False
    return session


def _cluster(url: CassandraUrl) -> Cluster:
    try:
        # A certificate is checked for the address that its node is reached at: the driver knows no other name of it.
        tls = ssl.create_default_context(cafile=url.ca_file) if url.has_tls else None
    except OSError as error:
        raise CannotConnect(f"{url.ca_file} holds no certificate: {_line(error.strerror)}") from error
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(url.datacenter)),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        row_factory=tuple_factory,
    )
    try:
        return Cluster(
            list(url.hosts),
            port=url.port,
            protocol_version=PROTOCOL,
            # Of the driver's event loops the only one that is neither experimental nor gone from Python.
            connection_class=_Connection,
            auth_provider=PlainTextAuthProvider(url.user, url.password),
            ssl_context=tls,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            # Without it the driver's pieces of 4 KiB wait for each other's acknowledgement.
            sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            reconnection_policy=ConstantReconnectionPolicy(RECONNECT_EVERY.total_seconds(), max_attempts=None),
            connect_timeout=CONNECT_TIMEOUT.total_seconds(),
            control_connection_timeout=FIRST_ANSWERS_TIMEOUT.total_seconds(),
            compression=False,
        )
    except UnresolvableContactPoints as error:
        raise CannotConnect(f"{', '.join(url.hosts)}: no such host") from error


def _datacenters(cluster: Cluster) -> list[str]:
    """Those that the cluster told of, if it could be asked."""
    return sorted({host.datacenter for host in cluster.metadata.all_hosts() if host.datacenter})


def _reason(error: BaseException, url: CassandraUrl, component: str, *, datacenters: list[str]) -> str:
    keyspace, nodes = url.keyspace_of(component), _nodes(url)
    if datacenters and url.datacenter not in datacenters:
        return f"{nodes}: there is no datacenter {url.datacenter}; there is {', '.join(datacenters)}"
    # The driver has a failure for each node, or when it did not come to that a list of the nodes.
    failures = getattr(error, "errors", None)
    causes = list(failures.values()) if isinstance(failures, dict) and failures else [error]
    for cause in causes:
        if isinstance(cause, LoginRefused) and _BAD_CREDENTIALS.search(str(cause)):
            return f"{nodes}: user {url.user} or its password is wrong"
        if isinstance(cause, InvalidRequest):
            return f"{nodes}: keyspace {keyspace}: {_line(cause)}"
        if isinstance(cause, Unauthorized):
            return f"{nodes}: user {url.user} may not use keyspace {keyspace}"
    return f"{nodes} cannot be reached: {_about_tls(causes, url) or _line(causes[0])}"


def _nodes(url: CassandraUrl) -> str:
    return f"{', '.join(url.hosts)} port {url.port}"


def _about_tls(causes: list[BaseException], url: CassandraUrl) -> str:
    """What the two sides do not agree on; "" when it is something else."""
    for cause in causes:
        if refused := _BAD_CERTIFICATE.search(str(cause)):
            return f"the certificate is refused: {refused[1]}"
        if url.has_tls and (said := _TLS_FAILED.search(str(cause))):
            return f"no TLS that both speak: {said[1]}"
        # A node that wants TLS says nothing to others, and so does one that just stops.
        if not url.has_tls and isinstance(cause, (ConnectionResetError, ConnectionShutdown)):
            return f"{_line(cause)}; if the nodes want TLS, add tls=true"
    return ""


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200]

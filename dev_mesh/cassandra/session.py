"""Short sessions with the nodes of a local cluster: to set it up, and to ask whether a node is ready."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

from cassandra import ConsistencyLevel, DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.connection import ConnectionException
from cassandra.policies import FallthroughRetryPolicy, WhiteListRoundRobinPolicy
from cassandra.protocol import ErrorMessage

from dev_mesh.cassandra.cluster import LocalCluster

# Whatever the driver raises when a node cannot be reached or will not do as it is told. They have no class in common.
TROUBLE = (NoHostAvailable, DriverException, ConnectionException, ErrorMessage)
PATIENCE = timedelta(seconds=5)
# With 5, driver 3.30 loses bytes when a read ends within the header of a segment.
PROTOCOL = 4
_OPTIONS = bytes([PROTOCOL, 0, 0, 0, 5, 0, 0, 0, 0])
_SUPPORTED = 6

# A node that is still starting is no news; without a handler the driver's warnings would go to the terminal.
logging.getLogger("cassandra").addHandler(logging.NullHandler())


def answers(cluster: LocalCluster, host: str) -> bool:
    """Whether the node's port speaks CQL. It may not know its roles or its neighbours yet."""
    with suppress(OSError), ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection((host, cluster.port), PATIENCE.total_seconds()))
        if context := cluster.ssl_context():
            connection = stack.enter_context(context.wrap_socket(connection, server_hostname=host))
        connection.sendall(_OPTIONS)
        return connection.recv(9)[4:5] == bytes([_SUPPORTED])
    return False


@contextmanager
def open_session(cluster: LocalCluster, *, role: str, password: str, hosts: Sequence[str] = ()) -> Iterator[Session]:
    """A session of a role with these nodes and no others; with all of them when none is named. Raises TROUBLE."""
    only = list(hosts) or cluster.hosts
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy(only),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=PATIENCE.total_seconds(),
    )
    client = Cluster(
        only,
        port=cluster.port,
        protocol_version=PROTOCOL,
        auth_provider=PlainTextAuthProvider(role, password),
        ssl_context=cluster.ssl_context(),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=PATIENCE.total_seconds(),
    )
    try:
        yield client.connect()
    finally:
        client.shutdown()

"""Who may do what in a local cluster: a superuser with a random password, a keyspace and a role for each service."""

from __future__ import annotations

from collections.abc import Sequence

from cassandra.cluster import Session

from dev_mesh.cassandra.cluster import DATACENTER, SERVICES, SUPERUSER, LocalCluster
from dev_mesh.cassandra.session import TROUBLE, open_session

# What every new Cassandra begins with; no role has it once the cluster is set up.
_FIRST_PASSWORD = "cassandra"  # noqa: S105 - in every manual


class NotTogether(Exception):
    """The nodes do not see each other yet, or do not have the same schema; the message says which."""


def set_up(cluster: LocalCluster, *, services: Sequence[str] = SERVICES) -> None:
    """Make what is missing of the cluster's roles and keyspaces; what is there stays as it is.

    It may be repeated, and must be after a failure. Raises NotTogether, and the driver's errors (`session.TROUBLE`),
    while the nodes are starting.
    """
    _take_over(cluster)
    password = cluster.password(SUPERUSER)
    with open_session(cluster, role=SUPERUSER, password=password, hosts=cluster.hosts[:1]) as session:
        _check_all_together(session, cluster)
        for service in services:
            _add_service(session, cluster, cluster.role(service))


def _take_over(cluster: LocalCluster) -> None:
    """Replace the first password, unless that was done. The new one was on disk before, so none gets lost."""
    password, first = cluster.password(SUPERUSER), cluster.hosts[:1]
    try:
        with open_session(cluster, role=SUPERUSER, password=password, hosts=first):
            return
    except TROUBLE:
        with open_session(cluster, role=SUPERUSER, password=_FIRST_PASSWORD, hosts=first) as session:
            session.execute(f"ALTER ROLE {SUPERUSER} WITH PASSWORD = '{password}'")


def _check_all_together(session: Session, cluster: LocalCluster) -> None:
    rows = list(session.execute('SELECT status_with_port, rpc_ready, "schema" FROM system_views.gossip_info'))
    serving = [row for row in rows if (row.status_with_port or "").startswith("NORMAL") and row.rpc_ready == "true"]
    schemas = {row.schema for row in rows}
    if len(serving) != cluster.nodes or len(schemas) != 1:
        raise NotTogether(f"{len(serving)} of {cluster.nodes} nodes serve, with {len(schemas)} versions of the schema")


def _add_service(session: Session, cluster: LocalCluster, name: str) -> None:
    replication = f"{{'class': 'NetworkTopologyStrategy', '{DATACENTER}': {cluster.nodes}}}"
    made = session.execute(f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {replication}")
    if not made.response_future.is_schema_agreed:
        raise NotTogether(f"the nodes do not agree on the schema after {name} was made")
    # The login comes last: what a role may do is looked up when it is first used, and kept for 2 s.
    session.execute(f"CREATE ROLE IF NOT EXISTS {name} WITH PASSWORD = '{cluster.password(name)}' AND LOGIN = false")
    session.execute(f"GRANT ALL PERMISSIONS ON KEYSPACE {name} TO {name}")
    session.execute(f"ALTER ROLE {name} WITH LOGIN = true")

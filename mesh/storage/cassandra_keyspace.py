"""The keyspace of a service, made as the store URL says when it is not there."""

from __future__ import annotations

import logging

from cassandra import Unauthorized
from cassandra.cluster import Session

from mesh.storage.cassandra_migrations import define
from mesh.storage.url import CassandraUrl

_log = logging.getLogger(__name__)


class MayNotMake(Exception):
    """The role may not make keyspaces, and this one is not there."""


def make_keyspace(session: Session, url: CassandraUrl, *, component: str) -> None:
    """Make the keyspace with the replication of the URL; blocks. One that is there stays as it is.

    Other copies than the URL asks for are told, and not made: the rows would not be in them before a repair. Raises
    MayNotMake, NotNow, and what the driver raises.
    """
    keyspace = url.keyspace_of(component)
    found = session.execute(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", (keyspace,)
    ).one()
    if found is None:
        copies = "".join(f", '{datacenter}': {copies}" for datacenter, copies in url.replication)
        replication = f"{{'class': 'NetworkTopologyStrategy'{copies}}}"
        try:
            define(session, f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
        except Unauthorized as error:
            raise MayNotMake(f"user {url.user} may not make keyspace {keyspace}, which is not there") from error
        return
    has = {name: text for name, text in found[0].items() if name != "class"}
    if has != {datacenter: str(copies) for datacenter, copies in url.replication}:
        told = {"keyspace": keyspace, "replication": dict(found[0]), "asked_for": dict(url.replication)}
        _log.warning(
            "the keyspace has another replication than the store URL; ALTER KEYSPACE and a repair would change it",
            extra={"fields": told},
        )

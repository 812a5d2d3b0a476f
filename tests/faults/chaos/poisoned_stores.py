"""Poison in the stores of a mesh: rows of an outbox are damaged as they are written, and one handler fails."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import apsw

from dev_mesh.cassandra.cluster import SUPERUSER, LocalCluster
from dev_mesh.cassandra.session import open_session
from mesh.clock import from_us
from mesh.storage.cassandra_outbox_rows import committed_us
from tests.faults.chaos.cql_relay import CqlRelay, Values
from tests.mesh.support.running_mesh import RunningMesh

_JOURNAL, _EDGE = "INSERT INTO outbox (", "UPDATE edges USING TIMESTAMP ? SET is_live = ?, op_us = ? "
_bigint = struct.Struct(">q")


class PoisonedStores(Protocol):
    """The stores of tweet_svc and engagement_svc, as somebody who repairs them has them open."""

    def damaged(self) -> set[int]:
        """Events whose bytes were replaced."""

    def is_failing(self, tweet_id: int) -> bool:
        """Whether engagement_svc cannot handle the event of such a tweet."""

    def mend(self) -> None:
        """Put the bytes back."""


@dataclass(frozen=True, slots=True)
class _Sqlite:
    tweets: apsw.Connection
    one_of: int
    after: int

    def damaged(self) -> set[int]:
        return {int(row[0]) for row in self.tweets.execute("SELECT event_id FROM damaged")}

    def is_failing(self, tweet_id: int) -> bool:
        return tweet_id > self.after and _is_chosen(tweet_id, self.one_of, rest=1)

    def mend(self) -> None:
        self.tweets.execute(
            "UPDATE outbox SET payload = damaged.payload FROM damaged WHERE damaged.event_id = outbox.event_id"
        )
        self.tweets.close()


@contextmanager
def poisoned_sqlite(mesh: RunningMesh, *, one_of: int, after: int) -> Iterator[PoisonedStores]:
    """Triggers in the files poison one of so many tweets with a larger id than `after`, for as long as the block."""
    tweets, engagement = _open(mesh, "tweet_svc"), _open(mesh, "engagement_svc")
    tweets.execute("CREATE TABLE damaged (event_id INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
    tweets.execute(
        f"CREATE TRIGGER damage AFTER INSERT ON outbox WHEN NEW.sequence % {one_of} = 0 BEGIN"
        " INSERT INTO damaged VALUES (NEW.event_id, NEW.payload);"
        " UPDATE outbox SET payload = x'ff' WHERE sequence = NEW.sequence; END"
    )
    engagement.execute(
        f"CREATE TRIGGER fail BEFORE INSERT ON tweets WHEN (NEW.tweet_id >> 22) % {one_of} = 1 BEGIN"
        " SELECT RAISE(ABORT, 'poison'); END"
    )
    try:
        yield _Sqlite(tweets, one_of, after)
    finally:
        tweets.execute("DROP TRIGGER damage")
        engagement.execute("DROP TRIGGER fail")
        engagement.close()


def _open(mesh: RunningMesh, service: str) -> apsw.Connection:
    connection = apsw.Connection(str(Path(mesh.find(service)["directory"]) / f"{service}.db"))
    connection.set_busy_timeout(10_000)
    return connection


@dataclass(slots=True)
class _Cassandra:
    cluster: LocalCluster
    one_of: int
    after: int
    # Of each event that was damaged, where its row is, and what it said.
    taken: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def tamper(self, text: str, values: Values) -> Values | None:
        """On their way to the node: the event in a row of the outbox of tweet_svc, and edges of tweets."""
        if text.startswith(_JOURNAL) and (values[4] or b"").startswith(b"ev.tweet.created"):
            _, _, sequence, event_id, _, payload, *_ = (value or b"" for value in values)
            (tweet_id,) = _bigint.unpack(event_id)
            if tweet_id > self.after and _is_chosen(tweet_id, self.one_of, rest=0):
                self.taken[tweet_id] = _bigint.unpack(sequence)[0], payload
                values[5] = b"\xff"
        if text.startswith(_EDGE) and values[3] in {b"tweets", b"replies"}:
            (tweet_id,) = _bigint.unpack(values[-1] or b"")
            if self.is_failing(tweet_id):
                return None
        return values

    def damaged(self) -> set[int]:
        return set(self.taken)

    def is_failing(self, tweet_id: int) -> bool:
        return tweet_id > self.after and _is_chosen(tweet_id, self.one_of, rest=1)

    def mend(self) -> None:
        """In the dead letters: a row that cannot be read is nothing else by now."""
        role = self.cluster.role("tweet")
        password = self.cluster.password(SUPERUSER)
        with open_session(self.cluster, role=SUPERUSER, password=password) as session:
            update = session.prepare(
                f"UPDATE {role}.dead_letters USING TIMESTAMP ? SET payload = ?"
                " WHERE year = ? AND sequence = ? AND event_id = ?"
            )
            for event_id, (sequence, payload) in self.taken.items():
                us = committed_us(sequence)
                # After the burial, and not after the end of the letter.
                session.execute(update, (us + 2, payload, from_us(us).year, sequence, event_id))


@contextmanager
def poisoned_cassandra(relay: CqlRelay, cluster: LocalCluster, *, one_of: int, after: int) -> Iterator[PoisonedStores]:
    """As above, by a relay between the services and their node."""
    stores = _Cassandra(cluster, one_of, after)
    relay.tamper = stores.tamper
    try:
        yield stores
    finally:
        relay.tamper = None


def _is_chosen(tweet_id: int, one_of: int, *, rest: int) -> bool:
    return (tweet_id >> 22) % one_of == rest

"""Subjects and required groups of events, read from the contract: the option `route` of each payload of Event."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from aviary.events.v1 import events_pb2

# A subject ends in a shard, so that consumers can split a stream later. The key of each event is in its comment.
SHARDS = 16


@dataclass(frozen=True, slots=True)
class Route:
    """How one kind of event travels. `kind` is the name of the payload field, such as "tweet_created"."""

    kind: str
    service: str
    event: str
    required_groups: frozenset[str]

    def subject(self, key: int) -> str:
        """The subject for an event about `key`, such as "ev.tweet.created.07"."""
        return f"ev.{self.service}.{self.event}.{shard_of(key):02d}"

    @property
    def every_subject(self) -> str:
        """The subject that receives all shards."""
        return f"ev.{self.service}.{self.event}.*"


def shard_of(key: int) -> int:
    """The shard of a user or tweet id: crc32 of its decimal digits modulo SHARDS."""
    return zlib.crc32(str(key).encode()) % SHARDS


def _routes() -> dict[str, Route]:
    routes = {}
    for field in events_pb2.Event.DESCRIPTOR.oneofs_by_name["payload"].fields:
        option = field.GetOptions().Extensions[events_pb2.route]
        routes[field.name] = Route(field.name, option.service, option.event, frozenset(option.required_groups))
    return routes


ROUTES = _routes()

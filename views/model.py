"""What goes in and out of a read. A tweet here is the message `aviary.type.v1.Tweet` without counts and viewer state:
it is parsed once from the cache's bytes, counts and viewer state are set on it, and it moves into the answer. A second
set of classes would build every tweet of every page three times.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from aviary.type.v1 import tweet_pb2

Tweet = tweet_pb2.Tweet


@dataclass(frozen=True, slots=True)
class Bodies:
    """Tweets found, by id, and the ids known to be deleted. An id in neither is unknown, perhaps only not visible yet.

    The messages belong to this read alone: `TweetReader.present` sets counts and viewer state on them.
    """

    live: dict[int, Tweet]
    deleted: frozenset[int] = frozenset()

    def author_ids(self) -> set[int]:
        """Who wrote the live ones."""
        return {tweet.user_id for tweet in self.live.values()}

    def joined(self, other: Bodies) -> Bodies:
        """Both together; the other's answer wins where both have one."""
        live = {id_: tweet for id_, tweet in self.live.items() if id_ not in other.deleted} | other.live
        return Bodies(live, (self.deleted | other.deleted) - live.keys())


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a page needs of the graph: whom to pull, and which of the page's authors the viewer follows."""

    pull_author_ids: tuple[int, ...]
    followed_ids: frozenset[int]
    version: int = 0


@dataclass(frozen=True, slots=True)
class SeenTweets:
    """A read's outcome: tweets in the order asked, what was asked and is not there, and what is missing for now.

    `missing` are all ids asked that gave no tweet, `deleted` those of them that may be removed from a timeline.
    """

    tweets: list[Tweet]
    includes: tweet_pb2.Includes = field(default_factory=tweet_pb2.Includes)
    degraded: list[tweet_pb2.DegradedPart.ValueType] = field(default_factory=list)
    deleted: frozenset[int] = frozenset()
    missing: tuple[int, ...] = ()


def distinct(ids: Iterable[int]) -> list[int]:
    """Each id once, in the order of its first appearance."""
    return list(dict.fromkeys(ids))

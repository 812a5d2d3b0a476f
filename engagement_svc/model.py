"""A like, and what is counted of a tweet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from mesh.errors import NotFound


@dataclass(frozen=True, slots=True)
class LikeEdge:
    """A like, live or taken back. Id and creation time are those of the first; `op_time_us` grows at each change."""

    user_id: int
    tweet_id: int
    edge_id: int
    created_us: int
    op_time_us: int
    is_live: bool

    def changed(self, *, is_live: bool, now_us: int) -> LikeEdge:
        """The edge with another state, later than the present one even if the clock was set back."""
        return replace(self, is_live=is_live, op_time_us=max(now_us, self.op_time_us + 1))


@dataclass(frozen=True, slots=True)
class Liking:
    """A like after a call, and the likes of its tweet."""

    edge: LikeEdge
    likes_count: int


class Engagement(NamedTuple):
    """Live likes and live direct replies of a tweet, and whether the viewer likes it.

    A tuple: a page makes one for each tweet, and dataclasses take thrice as long.
    """

    tweet_id: int
    likes_count: int
    replies_count: int
    is_liked: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """A count that is not what the rows say."""

    owner_id: int
    what: str
    kept: int
    actual: int


class TweetNotFound(NotFound):
    """There is no such tweet, or not any more."""

    def __init__(self, tweet_id: int) -> None:
        super().__init__("TWEET_NOT_FOUND", "there is no such tweet", metadata={"tweet_id": str(tweet_id)})

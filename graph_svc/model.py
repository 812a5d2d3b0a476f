"""A follow and what is known of an account in the graph, and what can be wrong with a request about them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import NamedTuple

from mesh.errors import FieldViolation, InvalidArgument, NotFound


class AuthorClass(enum.IntEnum):
    """How the tweets of an author reach timelines."""

    PUSH = 1
    """Pushed to followers."""
    BOTH = 2
    """Pushed and pulled, while the class changes."""
    PULL = 3
    """Pulled by readers."""


@dataclass(frozen=True, slots=True)
class FollowEdge:
    """A follow, live or ended. Id and creation time are those of the first; `op_time_us` grows at each change."""

    follower_id: int
    followee_id: int
    edge_id: int
    created_us: int
    op_time_us: int
    is_live: bool

    def changed(self, *, is_live: bool, now_us: int) -> FollowEdge:
        """The edge with another state, later than the present one even if the clock was set back."""
        return replace(self, is_live=is_live, op_time_us=max(now_us, self.op_time_us + 1))


@dataclass(frozen=True, slots=True)
class FollowerIds:
    """A page of followers; `last_edge_id` is where the next one resumes, 0 when there are no more."""

    user_ids: list[int]
    last_edge_id: int


@dataclass(frozen=True, slots=True)
class Followee:
    """An account followed, and its class."""

    user_id: int
    edge_id: int
    author_class: AuthorClass


class Relationship(NamedTuple):
    """How a user stands to another account. A tuple: a page makes one for each author, and dataclasses take thrice."""

    user_id: int
    is_following: bool
    is_followed_by: bool


@dataclass(frozen=True, slots=True)
class GraphCounts:
    """Live follows of an account in both directions, and its class."""

    followers_count: int = 0
    following_count: int = 0
    author_class: AuthorClass = AuthorClass.PUSH


@dataclass(frozen=True, slots=True)
class Drift:
    """A count, or an indexed follower, that is not what the edges say."""

    user_id: int
    what: str
    kept: int
    actual: int


class UserNotFound(NotFound):
    """There is no such account."""

    def __init__(self, *, user_id: int = 0, username: str = "") -> None:
        metadata = {"username": username} if username else {"user_id": str(user_id)}
        super().__init__("USER_NOT_FOUND", "there is no such account", metadata=metadata)


class SelfReference(InvalidArgument):
    """Following oneself."""

    def __init__(self, field: str) -> None:
        text = "must not be the caller's own"
        super().__init__("SELF_REFERENCE", f"{field}: {text}", violations=(FieldViolation(field, text),))

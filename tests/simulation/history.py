"""What the users did and heard: the only thing that the final state is compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """`UNKNOWN` has happened, or not; a repeat under the same key tells."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass
class Post:
    """A tweet that somebody wanted to post; `tweet_id` is 0 until an answer told it."""

    user_id: int
    number: int
    tweet_id: int = 0
    is_deleted: bool = False
    is_being_deleted: bool = False

    @property
    def content(self) -> str:
        return f"tweet {self.number}"


@dataclass
class Edge:
    """What a user wanted last of a follow, and whether it heard that it is so; until when it may have been there."""

    is_wanted: bool
    is_known: bool
    was_ever: bool = False
    ended_at: float = -1.0


@dataclass
class History:
    """By all users together. `findings` is what must not be."""

    lines: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    edges: dict[tuple[int, int], Edge] = field(default_factory=dict)
    operations: int = 0
    by_id: dict[int, Post] = field(default_factory=dict)

    def tell(self, at: float, text: str) -> None:
        self.lines.append(f"{at:9.4f} {text}")

    def find(self, at: float, text: str) -> None:
        self.findings.append(text)
        self.tell(at, f"FOUND {text}")

    def edge(self, follower_id: int, followee_id: int) -> Edge:
        return self.edges.setdefault((follower_id, followee_id), Edge(is_wanted=False, is_known=True))

    def followees(self, user_id: int) -> set[int]:
        """Once every outcome is known."""
        return {followee for (follower, followee), edge in self.edges.items() if follower == user_id and edge.is_wanted}

    def followers(self, user_id: int) -> set[int]:
        """Once every outcome is known."""
        return {follower for (follower, followee), edge in self.edges.items() if followee == user_id and edge.is_wanted}

    def tweet_ids(self, user_ids: set[int]) -> list[int]:
        """The live tweets of these users, newest first, once every outcome is known."""
        found = [post.tweet_id for post in self.posts if post.user_id in user_ids and not post.is_deleted]
        return sorted(found, reverse=True)

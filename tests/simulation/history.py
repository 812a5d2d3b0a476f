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
    deleted_from: float = 0.0

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
    redis_emptied_at: float = -1.0

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

    def may_be_cached(self, tweet_ids: set[int]) -> bool:
        """Whether the bodies of all these deleted tweets may still be in the cache, until they expire.

        Their tombstones went with the rest of Redis, and a reader who was slower than all of it may have brought back
        what it had read before the delete.
        """
        posts = [self.by_id[tweet_id] for tweet_id in tweet_ids if tweet_id in self.by_id]
        were_buried = all(post.is_deleted and post.deleted_from <= self.redis_emptied_at for post in posts)
        return len(posts) == len(tweet_ids) > 0 and were_buried

    def tweet_ids(self, user_ids: set[int]) -> list[int]:
        """The live tweets of these users, newest first, once every outcome is known."""
        found = [post.tweet_id for post in self.posts if post.user_id in user_ids and not post.is_deleted]
        return sorted(found, reverse=True)

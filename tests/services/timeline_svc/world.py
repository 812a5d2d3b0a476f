"""What is true: who wrote what, who follows whom. The services of a test answer from it, and so does the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

from mesh.clock import SystemClock
from mesh.ids import first_id_at
from timeline_svc.model import Audience, AuthorClass


class World:
    """Tweets, follows and classes, changed by tests and read by everybody else."""

    def __init__(self, first_id: int | None = None) -> None:
        self._ids = count(first_id or first_id_at(SystemClock().now_us()))
        self.authors: dict[int, int] = {}
        self.deleted: set[int] = set()
        self.edges: dict[tuple[int, int], int] = {}
        self.classes: dict[int, AuthorClass] = {}
        self.follows_version = 1
        self.waiting: dict[int, int] = {}

    @property
    def outbox_age(self) -> timedelta:
        """How long the oldest event has waited that is not confirmed; `waiting` has their times, in microseconds."""
        now_us = SystemClock().now_us()
        return timedelta(microseconds=now_us - min(self.waiting.values(), default=now_us))

    def new_id(self) -> int:
        return next(self._ids)

    def post(self, author_id: int) -> int:
        tweet_id = self.new_id()
        self.authors[tweet_id] = author_id
        return tweet_id

    def post_many(self, author_id: int, times: int) -> list[int]:
        """The ids, newest first."""
        return [self.post(author_id) for _ in range(times)][::-1]

    def follow(self, follower_id: int, *followee_ids: int) -> None:
        for followee_id in followee_ids:
            self.edges.setdefault((follower_id, followee_id), self.new_id())
            self.follows_version += 1

    def unfollow(self, follower_id: int, followee_id: int) -> None:
        self.edges.pop((follower_id, followee_id), None)
        self.follows_version += 1

    def follows(self, follower_id: int, followee_id: int) -> bool:
        return (follower_id, followee_id) in self.edges

    def class_of(self, author_id: int) -> AuthorClass:
        return self.classes.get(author_id, AuthorClass.PUSH)

    def audience(self, author_id: int) -> Audience:
        return Audience(self.class_of(author_id), sum(followee == author_id for _, followee in self.edges))

    def followers(self, author_id: int, after_edge_id: int, limit: int) -> tuple[list[int], int]:
        """A page of followers, newest edge first, and where the next resumes."""
        edges = sorted(
            ((edge, follower) for (follower, followee), edge in self.edges.items() if followee == author_id),
            reverse=True,
        )
        left = [(edge, follower) for edge, follower in edges if not after_edge_id or edge < after_edge_id]
        page = left[:limit]
        return [follower for _, follower in page], page[-1][0] if len(left) > limit else 0

    def followees(self, follower_id: int) -> list[int]:
        return [followee for (follower, followee) in self.edges if follower == follower_id]

    def pulled(self, follower_id: int) -> list[int]:
        return [other for other in self.followees(follower_id) if self.class_of(other) is not AuthorClass.PUSH]

    def tweet_ids(self, author_ids: Iterable[int], *, below: int = 0, above: int = 0) -> list[int]:
        """Live ids of these authors, newest first."""
        authors = set(author_ids)
        return sorted(
            (
                tweet_id
                for tweet_id, author in self.authors.items()
                if author in authors
                and tweet_id not in self.deleted
                and tweet_id > above
                and (not below or tweet_id < below)
            ),
            reverse=True,
        )

    def home(self, viewer_id: int) -> list[int]:
        """The whole home timeline, as it should be read."""
        return self.tweet_ids([viewer_id, *self.followees(viewer_id)])

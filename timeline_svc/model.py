"""What timeline_svc talks about: the state of a timeline, and stretches of one. Pure: no I/O, no messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Status(Enum):
    """What there is of a timeline."""

    ABSENT = "absent"
    BUILDING = "building"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class TimelineState:
    """A READY timeline holds every id of its owner's from `floor` up; 0 means down to the first tweet."""

    status: Status
    floor: int = 0


class AuthorClass(Enum):
    """How an author's tweets reach timelines. BOTH lies between the others, while the class changes."""

    PUSH = "push"
    BOTH = "both"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class Followee:
    """Somebody that a user follows."""

    user_id: int
    author_class: AuthorClass


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """Some followers, newest edge first. `next_after_edge_id` is where the next page resumes, 0 after the last."""

    user_ids: tuple[int, ...]
    next_after_edge_id: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ids of a timeline, newest first, with nothing left out from `covers_to` up; 0 means down to the first tweet.

    Where it begins is known to who asked for it: just below a cursor, exclusive, or at the newest.
    """

    ids: list[int]
    covers_to: int

    @property
    def is_last(self) -> bool:
        """Nothing older exists."""
        return self.covers_to == 0


def merge_stretches(stretches: Iterable[Stretch], *, most: int) -> Stretch:
    """All of them as one: each id once, newest first, down to where the shortest of them still covers.

    At most `most` ids, and then it covers down to the last of them.
    """
    stretches = list(stretches)
    covers_to = max((stretch.covers_to for stretch in stretches), default=0)
    distinct = {tweet_id for stretch in stretches for tweet_id in stretch.ids if tweet_id >= covers_to}
    ids = sorted(distinct, reverse=True)
    return Stretch(ids, covers_to) if len(ids) <= most else Stretch(ids[:most], ids[most - 1])


@dataclass(frozen=True, slots=True)
class TimelineLimits:
    """How large a timeline gets, and how long it lives."""

    capacity: int = 800
    slack: int = 64
    expires: timedelta = timedelta(days=30)
    build_expires: timedelta = timedelta(seconds=30)
    build_taken_over: timedelta = timedelta(seconds=5)

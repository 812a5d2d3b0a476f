"""What timeline_svc talks about: the state of a timeline, and stretches of one. Pure: no I/O, no messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
class Audience:
    """How an author's tweets reach timelines, and how many accounts follow the author."""

    author_class: AuthorClass
    followers_count: int = 0


@dataclass(frozen=True, slots=True)
class Followee:
    """Somebody that a user follows. The edge was stamped when that first happened; 0 when not known."""

    user_id: int
    author_class: AuthorClass
    edge_id: int = 0


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
class LinkOutcome:
    """What a link of a fan-out came to: timelines that hold the tweet, others, and when that was so (microseconds).

    `next_after_edge_id` names the link that follows; 0 for the last. The first one also says how many recipients there
    were when it began, and the author's class.
    """

    next_after_edge_id: int
    delivered_count: int
    skipped_count: int
    at_us: int
    recipients_count: int = 0
    author_class: AuthorClass = AuthorClass.PUSH


@dataclass(frozen=True, slots=True)
class FanoutRecord:
    """What is kept of a tweet's fan-out: its links by the edge after which they begin, and why it was given up."""

    links: Mapping[int, LinkOutcome]
    dead_reason: str = ""

    def chain(self) -> list[LinkOutcome]:
        """The links made so far, from the first, each the one that the last before it named; empty when that is lost.

        A fan-out that is repeated after followers came or went has other links than before: those are left out.
        """
        chain: list[LinkOutcome] = []
        after_edge_id = 0
        while link := self.links.get(after_edge_id):
            chain.append(link)
            after_edge_id = link.next_after_edge_id
            if not after_edge_id:
                break
        return chain


class FanoutState(Enum):
    """How far a fan-out has come. PULLED: it went to the author only, and followers pull."""

    UNKNOWN = "unknown"
    PULLED = "pulled"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class FanoutStatus:
    """A fan-out summed up. Nothing but the state, and why it is DEAD, is known where `recipients_count` is 0."""

    state: FanoutState = FanoutState.UNKNOWN
    recipients_count: int = 0
    delivered_count: int = 0
    skipped_count: int = 0
    first_us: int = 0
    last_us: int = 0
    dead_reason: str = ""

    @property
    def pending_count(self) -> int:
        """Recipients that no link has handled."""
        return self.recipients_count - self.delivered_count - self.skipped_count


def status_of(record: FanoutRecord | None) -> FanoutStatus:
    """What a record says. Without its first link nothing is known: a store that lost that may have lost others."""
    chain = record.chain() if record else []
    dead_reason = record.dead_reason if record else ""
    if not chain:
        return FanoutStatus(FanoutState.DEAD, dead_reason=dead_reason) if dead_reason else FanoutStatus()
    delivered = sum(link.delivered_count for link in chain)
    skipped = sum(link.skipped_count for link in chain)
    is_over = chain[-1].next_after_edge_id == 0
    # Followers come and go while the chain runs, and their number may lag behind: at its end it is what was handled.
    recipients = delivered + skipped if is_over else max(chain[0].recipients_count, delivered + skipped)
    if dead_reason:
        state = FanoutState.DEAD
    elif not is_over:
        state = FanoutState.RUNNING
    else:
        state = FanoutState.PULLED if chain[0].author_class is AuthorClass.PULL else FanoutState.DONE
    times = [link.at_us for link in chain]
    return FanoutStatus(state, recipients, delivered, skipped, min(times), max(times), dead_reason)


@dataclass(frozen=True, slots=True)
class TimelineLimits:
    """How large a timeline gets, and how long it lives."""

    capacity: int = 800
    slack: int = 64
    expires: timedelta = timedelta(days=30)
    build_expires: timedelta = timedelta(seconds=30)
    build_taken_over: timedelta = timedelta(seconds=5)

"""Why a tweet is, or is not, in a home timeline: what was found, told as facts in words. Pure.

Each fact stands for a step of the read. The first that excludes settles it; when none does, pages show the tweet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from timeline_svc.model import AuthorClass, FanoutState, FanoutStatus, Status, Stretch


class FactKind(Enum):
    """What a fact is about."""

    TWEET = "tweet"
    FOLLOW = "follow"
    AUTHOR_CLASS = "author_class"
    EVENT = "event"
    TIMELINE = "timeline"
    FLOOR = "floor"
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing found out. `at_us` is when it became so, microseconds since 1970; 0 when not known."""

    kind: FactKind
    text: str
    excludes: bool = False
    at_us: int = 0


@dataclass(frozen=True, slots=True)
class FoundTweet:
    """The tweet as pages find it; `author_id` is 0 for one that is deleted or unknown."""

    tweet_id: int
    author_id: int
    is_deleted: bool
    posted_us: int


@dataclass(frozen=True, slots=True)
class Edge:
    """How the owner stands to the author now; `is_pulled`: pages ask the author's own list."""

    is_own: bool
    is_followed: bool
    is_pulled: bool
    since_us: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A timeline or list: its contents when it is READY, or would be after the next read. `status` is None while the
    store is away.
    """

    status: Status | None
    contents: Stretch | None = None

    def decides(self, tweet_id: int) -> bool:
        """Whether pages take from it at this depth, so that what is not in it is not shown."""
        return self.contents is not None and tweet_id >= self.contents.covers_to

    def holds(self, tweet_id: int) -> bool:
        """The id is in it."""
        return self.contents is not None and tweet_id in self.contents.ids


def tweet_fact(tweet: FoundTweet) -> Fact:
    """Deleted and unknown tweets are left out of every page."""
    if tweet.is_deleted:
        return Fact(FactKind.TWEET, f"tweet {tweet.tweet_id} is deleted", excludes=True)
    if not tweet.author_id:
        return Fact(FactKind.TWEET, f"tweet {tweet.tweet_id} is unknown, or not to be seen yet", excludes=True)
    return Fact(FactKind.TWEET, f"tweet {tweet.tweet_id} is live, posted by {tweet.author_id}", at_us=tweet.posted_us)


def follow_fact(tweet: FoundTweet, edge: Edge) -> Fact:
    """Pages leave out authors who are not followed at the time of the read."""
    if edge.is_own:
        return Fact(FactKind.FOLLOW, "the owner is the author")
    if not edge.is_followed:
        return Fact(FactKind.FOLLOW, f"the owner does not follow {tweet.author_id} now", excludes=True)
    return Fact(
        FactKind.FOLLOW,
        f"the owner follows {tweet.author_id}; the time is that of the first follow",
        at_us=edge.since_us,
    )


_CLASSES = {
    AuthorClass.PUSH: "PUSH: written to the followers' timelines",
    AuthorClass.BOTH: "BOTH: written to the followers' timelines and pulled by pages, while the class changes",
    AuthorClass.PULL: "PULL: pulled by pages from the author's list",
}


def class_fact(author_class: AuthorClass) -> Fact:
    """How the author's tweets reach timelines now."""
    return Fact(FactKind.AUTHOR_CLASS, f"the author is {_CLASSES[author_class]}")


def event_fact(status: FanoutStatus | None) -> Fact:
    """How far the fan-out has come; None while the store is away. It may be done, and a timeline lose the id later."""
    if status is None:
        return Fact(FactKind.EVENT, "its fan-out is not known: Redis cannot be reached")
    if status.state is FanoutState.UNKNOWN:
        return Fact(FactKind.EVENT, "its fan-out is not known: not begun, too long ago, or lost with Redis since")
    text = (
        f"its fan-out is {status.state.value.upper()}: {status.delivered_count} delivered,"
        f" {status.skipped_count} skipped, {status.pending_count} pending"
    )
    return Fact(FactKind.EVENT, f"{text} {status.dead_reason}".rstrip(), at_us=status.last_us)


_SOURCES_ONLY: dict[Status | None, str] = {
    None: "the timeline cannot be asked for: pages are made from the authors' tweets while Redis is away",
    Status.BUILDING: "the timeline is being built: pages are made from the authors' tweets meanwhile",
}


def timeline_facts(tweet: FoundTweet, home: Stored, *, floor_us: int) -> list[Fact]:
    """What there is of the timeline, and where its floor lies. They exclude nothing: there are the sources."""
    if home.contents is None:
        return [Fact(FactKind.TIMELINE, _SOURCES_ONLY[home.status])]
    is_ready = home.status is Status.READY
    state = "is ready and has" if is_ready else "is absent; the next read builds it, with"
    timeline = Fact(FactKind.TIMELINE, f"the timeline {state} {len(home.contents.ids)} ids")
    floor = home.contents.covers_to
    if not floor:
        return [timeline, Fact(FactKind.FLOOR, "it is complete down to the first tweet")]
    side = (
        "the tweet is not below" if home.decides(tweet.tweet_id) else "the tweet is below, where pages ask the authors"
    )
    return [timeline, Fact(FactKind.FLOOR, f"it is complete from {floor} up; {side}", at_us=floor_us)]


def entry_fact(tweet: FoundTweet, edge: Edge, *, home: Stored, author_list: Stored, is_in_sources: bool) -> Fact:
    """Where pages would take the id from, and whether it is there."""
    tweet_id = tweet.tweet_id
    if home.decides(tweet_id):
        if home.holds(tweet_id) or not edge.is_pulled:
            return _entry("in the timeline", is_there=home.holds(tweet_id))
        if author_list.decides(tweet_id):
            return _entry("in the author's list", is_there=author_list.holds(tweet_id))
    return _entry("among the author's tweets", is_there=is_in_sources)


def _entry(place: str, *, is_there: bool) -> Fact:
    return Fact(FactKind.ENTRY, f"the id is {'' if is_there else 'not '}{place}", excludes=not is_there)

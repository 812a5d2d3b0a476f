"""What stored timelines should hold, worked out from what their authors wrote; and how they differ from that.

It shares with builds only the questions to graph_svc and tweet_svc. A build asks for a few ids of each author and
merges those; this asks every author for all of them from the floor up, so that a mistake in the merge shows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import MOST_IDS_OF_AN_AUTHOR, AuthorTweets
from timeline_svc.model import AuthorClass, Stretch
from timeline_svc.store import TimelineStore
from views.clients.graph import ReadContexts
from views.clients.tweets import StoredTweets


@dataclass(frozen=True, slots=True)
class Authors:
    """Whose tweets a timeline is of: all of `certain` must be in it, those of `possible` may be."""

    certain: frozenset[int]
    possible: frozenset[int]


@dataclass(frozen=True, slots=True)
class Differences:
    """Ids that a timeline lacks, ids that nobody it is of wrote, and ids that are in it twice."""

    missing: frozenset[int] = frozenset()
    ghosts: frozenset[int] = frozenset()
    duplicates: frozenset[int] = frozenset()

    @property
    def are_none(self) -> bool:
        """The timeline is as it should be."""
        return not (self.missing or self.ghosts or self.duplicates)

    def and_still(self, later: Differences) -> Differences:
        """Those that were there before and are there later."""
        return Differences(self.missing & later.missing, self.ghosts & later.ghosts, self.duplicates & later.duplicates)


class Ownership(Protocol):
    """Says for one kind of timelines whose tweets they are of."""

    async def authors(self, owner_id: int) -> Authors:
        """Whose tweets the owner's timeline is of, now. Raises Unavailable."""
        ...

    async def version(self, owner_id: int) -> int:
        """A number that is another after the authors have changed. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class HomeOwnership(Ownership):
    """A home timeline is of its owner and of pushed followees. Ids of authors who became pulled stay in it."""

    graph: Graph
    contexts: ReadContexts

    async def authors(self, owner_id: int) -> Authors:
        followees = await self.graph.followees(owner_id)
        pushed = {followee.user_id for followee in followees if followee.author_class is AuthorClass.PUSH}
        everybody = {followee.user_id for followee in followees}
        return Authors(frozenset({owner_id, *pushed}), frozenset({owner_id, *everybody}))

    async def version(self, owner_id: int) -> int:
        return (await self.contexts.get(owner_id, [])).version


class ListOwnership(Ownership):
    """An author's list is of its author, whatever happens."""

    async def authors(self, owner_id: int) -> Authors:
        return Authors(frozenset({owner_id}), frozenset({owner_id}))

    async def version(self, owner_id: int) -> int:
        return owner_id  # the same for good


@dataclass(frozen=True, slots=True)
class Oracle:
    """Compares timelines of one kind with what was written."""

    store: TimelineStore
    ownership: Ownership
    tweets: AuthorTweets
    bodies: StoredTweets

    async def differences(self, owner_id: int) -> Differences | None:
        """How a READY timeline differs from what it should be; None when there is no such timeline.

        The sources are read first: what is written after that is no difference. What was written just before may
        still be on its way, and is told as missing. Raises Unavailable.
        """
        before = await self.store.contents(owner_id)
        if before is None:
            return None
        authors = await self.ownership.authors(owner_id)
        written = await self.tweets.newest_ids(
            authors.certain, limit=MOST_IDS_OF_AN_AUTHOR, above=max(0, before.covers_to - 1)
        )
        stored = await self.store.contents(owner_id)
        if stored is None:
            return None
        floor = max(before.covers_to, stored.covers_to)
        expected = {tweet_id for ids in written.values() for tweet_id in ids if tweet_id >= floor}
        ghosts = await self._ghosts(stored, expected, authors)
        return Differences(
            missing=frozenset(expected.difference(stored.ids)),
            ghosts=ghosts,
            duplicates=frozenset(tweet_id for tweet_id, times in Counter(stored.ids).items() if times > 1),
        )

    async def _ghosts(self, stored: Stretch, expected: set[int], authors: Authors) -> frozenset[int]:
        """Of the ids that were not expected those that are neither deleted nor by anybody who may be in it.

        Readers take ids of deleted tweets out, as they come across them.
        """
        others = sorted(set(stored.ids) - expected)
        if not others:
            return frozenset()
        bodies = await self.bodies.get_many(others)
        explained = {id_ for id_, tweet in bodies.live.items() if tweet.user_id in authors.possible}
        return frozenset(others) - explained - bodies.deleted

"""The promises of the timelines' store. A timeline is complete from its floor up, or absent: never silently partial.

A store holds one kind of timeline: the home timelines of users, or the lists of what an author wrote. It is a view:
it may lose any timeline at any time, and then the timeline is ABSENT. Every method raises Unavailable when the
store cannot be reached; a change may have been made then, and all changes may be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from timeline_svc.model import FanoutRecord, LinkOutcome, Stretch, TimelineState


class TimelineStore(Protocol):
    """Timelines by owner: ids of tweets, newest first, from a floor up."""

    async def state(self, owner_id: int) -> TimelineState:
        """Whether the timeline is there, being built, or complete from its floor up."""
        ...

    async def page(self, owner_id: int, *, below: int, limit: int) -> Stretch | None:
        """The newest `limit` ids below `below`, exclusive; 0 means from the newest. None unless the timeline is READY.

        `covers_to` is the last id given when there may be more, else the floor. Below the floor nothing is known:
        such a page is empty. Reading renews the timeline's expiry, and nothing else but a finished build does.
        """
        ...

    async def pages(self, owner_ids: Collection[int], *, below: int, limit: int) -> dict[int, Stretch]:
        """`page` for many owners in one exchange; those that are not READY are left out."""
        ...

    async def contents(self, owner_id: int) -> Stretch | None:
        """All that is stored of a READY timeline, as it is stored; None of another. It renews nothing.

        It comes from the newest id and covers to the floor. Only in a damaged one are ids below that, or one twice.
        """
        ...

    async def some_owner(self) -> int | None:
        """The owner of some timeline that is there, READY or being built. None when none was found.

        Each comes up in time. One that is there may be missed, but not by every call.
        """
        ...

    async def push(self, tweet_id: int, owner_ids: Collection[int]) -> int:
        """Put a tweet into the timelines that exist, also those being built. Returns how many hold it now.

        An absent timeline stays absent, an id below the floor is not taken, a repeat changes nothing. A timeline that
        grew beyond capacity and slack keeps its newest ids, as many as the capacity, and its floor moves to the
        oldest of them.
        """
        ...

    async def merge(
        self, tweet_ids: Collection[int], owner_ids: Collection[int], *, complete_from: int
    ) -> frozenset[int]:
        """Backfill: the ids are all of one author's from `complete_from` up. Returns the owners that must be repeated.

        Those are the owners whose timeline is being built: it is left alone. A READY one has its floor raised to
        `complete_from` if that is higher, loses what is below, takes the ids from its floor up, and is trimmed as by
        `push`. An absent one stays absent.
        """
        ...

    async def unmerge(self, tweet_ids: Collection[int], owner_id: int) -> bool:
        """Take an author's ids out. False when the timeline is being built: then it is left alone, to be repeated.

        The floor stays. An absent timeline stays absent.
        """
        ...

    async def remove(self, tweet_ids: Collection[int], owner_id: int) -> None:
        """Take ids of deleted tweets out, whatever the state. The floor stays."""
        ...

    async def drop(self, owner_id: int) -> None:
        """Make the timeline ABSENT; a build that is under way will not finish."""
        ...

    async def begin_build(self, owner_id: int) -> str | None:
        """Mark an absent timeline as BUILDING. Returns the generation to finish it with, or None.

        None means that it is READY, or that somebody began to build it a moment ago. A build that lasts longer than
        that may be taken over: only the newest generation can finish. A build that nobody finishes vanishes soon.
        The sources must be read after this returned: what is pushed from here on is kept.
        """
        ...

    async def finish_build(self, owner_id: int, generation: str, tweet_ids: Sequence[int], *, floor: int) -> bool:
        """Make the timeline READY with these ids and what was pushed meanwhile, from `floor` up, and trim it.

        False, and nothing changes, when the generation is not the one being built: taken over, dropped, lost.
        """
        ...


class FanoutRecords(Protocol):
    """What became of the fan-outs of tweets, for operators, for as long as the store was told to keep it.

    It may lose any record at any time. Every method raises Unavailable when the store cannot be reached.
    """

    async def record(self, tweet_id: int, after_edge_id: int, outcome: LinkOutcome) -> None:
        """Keep what a link came to. A repeat replaces it, but for the time: that stays the one of the first run.

        The first link, after edge 0, takes back that the fan-out was given up.
        """
        ...

    async def give_up(self, tweet_id: int, reason: str) -> None:
        """Keep that a link was given up, and why."""
        ...

    async def find(self, tweet_id: int) -> FanoutRecord | None:
        """What is kept of a tweet's fan-out. After a loss it may lack links; None when there is nothing."""
        ...

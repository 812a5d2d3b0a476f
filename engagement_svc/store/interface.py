"""What a store of engagement promises: edges by both ends, lists in order of edge id, and counts that are functions of
rows. It asks for nothing that Cassandra could not keep (docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engagement_svc.model import Drift, Engagement, LikeEdge, Liking


class EngagementStore(Protocol):
    """Likes, the tweets that events told of, and their counts.

    Every method raises Unavailable when the store cannot be reached. A write may have happened then, also in part: its
    edge stored, and not counted, listed or seen by its user yet, or one of the two edges of a tweet. Repeating it
    completes it; a minute later an edge that was stored is counted, listed and seen without.
    Times are microseconds since 1970.
    """

    async def like(self, user_id: int, tweet_id: int, *, new_edge_id: int, now_us: int) -> Liking:
        """Make the like live, and return it with the tweet's likes.

        The first like gets new_edge_id and now_us as its creation; a later one keeps those of the first.
        Its op_time_us is now_us, or just above the stored one where that is not below.
        It is counted and listed when this returns.
        A like that is live already is returned as it is stored: its id and times stay.
        Calls of one user for one tweet at the same moment end in one of their states, whichever, and agree on the id.
        """
        ...

    async def unlike(self, user_id: int, tweet_id: int, *, now_us: int) -> Liking | None:
        """Take the like back, and return it with the tweet's likes; None when there never was one.

        op_time_us and the count are as in `like`.
        A like that was taken back already is returned as it is stored.
        """
        ...

    async def likes(self, tweet_id: int, *, below_edge_id: int, limit: int) -> list[LikeEdge]:
        """Live likes of a tweet, newest edge first, at most `limit`, below an edge id; 0 means from the newest."""
        ...

    async def engagements(self, tweet_ids: Sequence[int], *, viewer_id: int) -> list[Engagement]:
        """Counts of the tweets and what the viewer did, in the order asked; zeros for one that nobody touched.

        Viewer 0 likes nothing. Counts equal the live rows when no write is in progress, and are never negative.
        """
        ...

    async def add_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        """A tweet was posted, as an answer to a parent or, with 0, to none: its author and its parent count it.

        Repeats change nothing. A tweet that was removed stays so, whichever was told first.
        """
        ...

    async def remove_tweet(self, tweet_id: int, *, author_id: int, parent_id: int) -> None:
        """A tweet was deleted: nobody counts it any more, nor when it is added later.

        Repeats change nothing. Its likes stay, and so do its replies.
        """
        ...

    async def tweets_counts(self, author_ids: Sequence[int]) -> dict[int, int]:
        """Live tweets and replies of each author asked; 0 for one that never posted."""
        ...

    async def drifts(self) -> list[Drift]:
        """Recount all rows, and return the counts that differ. It reads everything."""
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

"""What a store of the graph promises. It asks for nothing that Cassandra could not keep: edges by both ends, lists in
order of edge id, and compare-and-set on the row of one author.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from graph_svc.author_class import Stage, Standing
from graph_svc.model import Drift, FollowEdge, Followee, FollowerIds, GraphCounts, Relationship
from mesh.events.interface import OutboxEvent

# Makes the event of an edge that changed. Called inside the write, so it must be quick and ask nobody.
Announce = Callable[[FollowEdge], OutboxEvent]


class GraphStore(Protocol):
    """Follows, their counts, and the class of every author.

    Every method raises Unavailable when the store cannot be reached; a write may have happened then.
    Times are microseconds since 1970. Lists go down from `below_edge_id`, exclusive; 0 means from the newest.

    A change of a follow is complete when its counts and the index of pulled authors are as it says. A call completes
    its own change before it returns, as far as it can. `complete` does so for certain: after it, for the last change
    of each pair, everything is as the edges are.
    """

    async def follow(
        self, follower_id: int, followee_id: int, *, new_edge_id: int, now_us: int, announce: Announce
    ) -> FollowEdge:
        """Make the follow live, and return it.

        The first follow gets new_edge_id and now_us as its creation; a later one keeps those of the first.
        Its op_time_us is now_us, or just above the stored one where that is not below.
        Edge, both lists and the event are one write; both counts and the follower's index of pulled authors are its
        completion. The index gets the followee unless the followee's class is PUSH.
        A follow that is live already is returned as it is stored: it is not written, and has no event.
        Of calls for one pair at the same moment several may write, each with an event: the edge is then that of one
        of them, the same for all readers, and its id is the same in all answers.
        """
        ...

    async def unfollow(
        self, follower_id: int, followee_id: int, *, now_us: int, announce: Announce
    ) -> FollowEdge | None:
        """End the follow, and return it; None when there never was one.

        op_time_us, the one write and calls at the same moment are as in `follow`; the follower's index loses the
        followee. A follow that has ended already is returned as it is stored: it is not written, and has no event.
        """
        ...

    async def complete(self, follower_id: int, followee_id: int, *, op_time_us: int) -> None:
        """Complete the change made at `op_time_us`, or a later one; repeating it changes nothing.

        To be called for every event of a follow before it is confirmed. Raises Unavailable also while the change is
        not to be seen yet, and when others who count the same account are always first.
        """
        ...

    async def followers(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        """Live follows of an account, newest edge first, at most `limit`."""
        ...

    async def following(self, user_id: int, *, below_edge_id: int, limit: int) -> list[FollowEdge]:
        """Live follows by an account, newest edge first, at most `limit`."""
        ...

    async def follower_ids(self, user_id: int, *, below_edge_id: int, limit: int) -> FollowerIds:
        """Who follows an account, newest edge first, at most `limit`; says where to resume while there are more."""
        ...

    async def followees(self, user_id: int, *, below_edge_id: int, limit: int) -> list[Followee]:
        """Whom an account follows, with their classes, newest edge first, at most `limit`.

        While BOTH begins, in INDEXING, an author may still be told as PUSH.
        """
        ...

    async def counts(self, user_ids: Sequence[int]) -> dict[int, GraphCounts]:
        """Counts and class of each account asked; zeros and PUSH for one without follows.

        Counts equal the live follows whose changes are complete, and are never negative.
        """
        ...

    async def follows_version(self, user_id: int) -> int:
        """A number that has grown with every complete change of the user's follows, and of `pulled_authors`.

        What is read after it is at least as new as it.
        """
        ...

    async def pulled_authors(self, user_id: int) -> list[int]:
        """Live followees of class BOTH or PULL, by id.

        While BOTH begins some are not there yet; one that has just become PUSH may still be there.
        """
        ...

    async def relationships(self, user_id: int, other_ids: Sequence[int]) -> list[Relationship]:
        """How the user stands to each of the others, in the order asked. Nobody follows an unknown account."""
        ...

    async def standing(self, author_id: int) -> Standing:
        """The author's stage; Stage.PUSH with version 0 for one whose class never changed."""
        ...

    async def change_stage(
        self, standing: Standing, stage: Stage, *, now_us: int, announce: OutboxEvent | None = None
    ) -> Standing | None:
        """Begin a stage if the author still has the version of `standing`; with its event, if it has one.

        Returns the new standing: since now_us, the event's id, and for INDEXING and CLEANING the first cursor.
        With another version nothing is written, and None returned. The event is in the outbox when this returns, and
        when `unsettled` has told of the stage; after a crash it may be there twice.
        """
        ...

    async def unsettled(self, *, above_author_id: int, limit: int) -> list[Standing]:
        """Authors above an id in a stage of UNSETTLED, by id, at most `limit`."""
        ...

    async def index_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        """Put the author in the index of the next `limit` followers below the cursor, and move the cursor.

        Returns the new standing, with cursor 0 once fewer than `limit` were left.
        With another version than that of `standing` nothing is changed, and None returned.
        """
        ...

    async def unindex_followers(self, standing: Standing, *, limit: int) -> Standing | None:
        """Take the author out of the index of the next `limit` followers below the cursor, and move the cursor.

        Returns as `index_followers` does.
        """
        ...

    async def drifts(self) -> list[Drift]:
        """Recount all edges, and return what the counts and the index have otherwise. It reads everything.

        The index of an author must hold every live follower in INDEXED and PULL, none in PUSH, and never a stranger.
        """
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

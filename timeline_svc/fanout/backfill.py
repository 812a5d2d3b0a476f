"""Brings an author into timelines or out of them: after a follow, an unfollow, or the author's return to PUSH."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aviary.events.v1.events_pb2 import FanoutJob
from mesh.events.consume import NotYet
from mesh.events.interface import EventBus
from mesh.failpoints import fp
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import MOST_IDS_OF_AN_AUTHOR, AuthorTweets
from timeline_svc.fanout.deliver import chain
from timeline_svc.model import AuthorClass, Status
from timeline_svc.store import TimelineStore

# A timeline being built is ready in moments; a follow that changes faster than it can be applied is looked at later.
BEING_BUILT = timedelta(milliseconds=500)
FLAPPING = timedelta(seconds=1)
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Backfill:
    """Makes timelines hold the ids of the authors followed, whatever the order in which the events come.

    A follow brings in `most_ids` of an author, or raises the floor to the last of them.
    """

    graph: Graph
    tweets: AuthorTweets
    homes: TimelineStore
    bus: EventBus
    most_ids: int = MOST_IDS_OF_AN_AUTHOR

    async def match(self, follower_id: int, followee_id: int) -> None:
        """Make the follower's timeline match the edge as it is now.

        The edge is read again after the effect: without that, an unfollow that stalls undoes a follow that came
        after it. Raises NotYet while the timeline is being built, because the build may have read the edge before it
        changed, and while the edge keeps changing.
        """
        is_following = await self.graph.is_following(follower_id, followee_id)
        fp("backfill.edge_read")
        for _ in range(MOST_TRIES):
            if is_following:
                await self._bring_in(follower_id, followee_id)
            else:
                await self._take_out(follower_id, followee_id)
            fp("backfill.effect_made")
            was_following, is_following = is_following, await self.graph.is_following(follower_id, followee_id)
            if was_following == is_following:
                return
        raise NotYet(FLAPPING)

    async def catch_up(self, job: FanoutJob) -> bool:
        """One link of an author's return to PUSH: a page of followers takes the newest ids. True for the last.

        Raises NotYet while a timeline of the page is being built.
        """
        author_id = job.author_user_id
        followers = await self.graph.followers(author_id, after_edge_id=job.after_edge_id)
        ids, complete_from = await self._newest(author_id, floor=0)
        if await self.homes.merge(ids, followers.user_ids, complete_from=complete_from):
            raise NotYet(BEING_BUILT)
        fp("backfill.page_caught_up")
        if not followers.next_after_edge_id:
            return True
        await chain(self.bus, job, after_edge_id=followers.next_after_edge_id)
        return False

    async def _bring_in(self, follower_id: int, followee_id: int) -> None:
        floor = await self._floor(follower_id)
        # A pulled author is asked for when the timeline is read. BOTH is pushed too: a class on its way to PUSH lists
        # the followers newest first, and may have passed this one.
        if floor is None or (await self.graph.audience(followee_id)).author_class is AuthorClass.PULL:
            return
        ids, complete_from = await self._newest(followee_id, floor=floor)
        fp("backfill.ids_read")
        if await self.homes.merge(ids, [follower_id], complete_from=complete_from):
            raise NotYet(BEING_BUILT)

    async def _take_out(self, follower_id: int, followee_id: int) -> None:
        floor = await self._floor(follower_id)
        below = 0
        while floor is not None:
            found = await self.tweets.newest_ids(
                [followee_id], limit=self.most_ids, below=below, above=max(0, floor - 1)
            )
            ids = found.get(followee_id, [])
            if not await self.homes.unmerge(ids, follower_id):
                raise NotYet(BEING_BUILT)
            fp("backfill.page_taken_out")
            if len(ids) < self.most_ids:
                return
            below = ids[-1]

    async def _floor(self, owner_id: int) -> int | None:
        """The floor of a timeline; None when it is absent: whoever builds it reads the edge then."""
        state = await self.homes.state(owner_id)
        if state.status is Status.BUILDING:
            raise NotYet(BEING_BUILT)
        return state.floor if state.status is Status.READY else None

    async def _newest(self, author_id: int, *, floor: int) -> tuple[list[int], int]:
        """The author's newest ids from a floor up, and from where up they are all there are."""
        found = await self.tweets.newest_ids([author_id], limit=self.most_ids, above=max(0, floor - 1))
        ids = found.get(author_id, [])
        return ids, ids[-1] if len(ids) == self.most_ids else floor

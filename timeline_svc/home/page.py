"""The read of a home timeline: ids, then the tweets behind them, refilled until the page is full or nothing is left.

A page looks one tweet further than it shows, so that a token is given if and only if there is more to see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from aviary.type.v1 import tweet_pb2
from mesh.errors import DeadlineExceeded, Unavailable
from mesh.failpoints import fp
from timeline_svc.home.author_lists import AuthorLists
from timeline_svc.home.contexts import PATIENCE, Standing, Standings
from timeline_svc.home.errands import Errands
from timeline_svc.home.skeleton import Skeletons
from timeline_svc.model import Stretch, merge_stretches
from timeline_svc.store import TimelineStore
from views.metrics import ViewMetrics
from views.model import Bodies, SeenTweets
from views.tweets import Expansions, Parts, TweetReader

# A timeline full of tweets that are not shown is looked through in ever larger steps; then the page ends with a token.
MOST_ROUNDS = 8
MOST_IDS_A_ROUND = 400


@dataclass(frozen=True, slots=True)
class HomePage:
    """What a viewer gets to see. `position` is the last id examined, where the next page begins; 0 after the last."""

    seen: SeenTweets
    degraded: Parts
    position: int


@dataclass(slots=True)
class _Progress:
    """How far a read is: all ids examined, those of them to show, and what is known of them."""

    viewer_id: int
    since: int
    below: int
    examined: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    bodies: Bodies = field(default_factory=lambda: Bodies({}))
    degraded: Parts = field(default_factory=set)
    standing: Standing | None = None
    asked_author_ids: set[int] = field(default_factory=set)
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class HomeReader:
    """Reads home timelines."""

    skeletons: Skeletons
    author_lists: AuthorLists
    standings: Standings
    tweets: TweetReader
    store: TimelineStore
    errands: Errands
    metrics: ViewMetrics

    async def read(self, viewer_id: int, *, below: int, since: int, size: int, expansions: Expansions = ()) -> HomePage:
        """Up to `size` tweets below one id and above another, both exclusive, 0 is open; newest first, each once.

        Raises Unavailable when the tweets, or the viewer's standing to their authors, cannot be told.
        """
        progress = _Progress(viewer_id, since, below)
        for round_number in range(MOST_ROUNDS):
            missing = size + 1 - len(progress.kept)
            wanted = missing if round_number == 0 else min(MOST_IDS_A_ROUND, max(missing, size << round_number))
            await self._extend(progress, wanted)
            if progress.is_dry or len(progress.kept) > size:
                break
        seen = await self.tweets.present(
            progress.bodies, progress.kept[:size], viewer_id=viewer_id, expansions=expansions
        )
        fp("page.before_clean_up")
        self._clean_up(progress)
        self.metrics.degrade(progress.degraded)
        return HomePage(seen, progress.degraded | set(seen.degraded), _position(progress, size))

    async def _extend(self, progress: _Progress, wanted: int) -> None:
        """Examine the next stretch."""
        skeleton = await self.skeletons.next(progress.viewer_id, below=progress.below, wanted=wanted)
        fp("page.ids_read")
        stretch = skeleton.stretch
        bodies = await self.tweets.bodies(stretch.ids)
        fp("page.bodies_read")
        standing = await self._standing(progress, bodies)
        fp("page.standing_known")
        if not skeleton.is_whole and standing.pull_author_ids:
            pulled = await self._pulled(progress, standing.pull_author_ids, wanted)
            stretch = merge_stretches([stretch, *pulled], most=wanted)
            bodies = bodies.joined(await self.tweets.bodies([id_ for id_ in stretch.ids if not _knows(bodies, id_)]))
        ids = [tweet_id for tweet_id in stretch.ids if tweet_id > progress.since]
        progress.examined += ids
        progress.kept += self.tweets.followed(
            bodies, ids, viewer_id=progress.viewer_id, followed_ids=standing.followed_ids
        )
        progress.bodies = progress.bodies.joined(bodies)
        progress.below = stretch.covers_to
        progress.is_dry = stretch.covers_to <= progress.since + 1

    async def _standing(self, progress: _Progress, bodies: Bodies) -> Standing:
        """How the viewer stands to all authors so far. graph_svc is asked once, and again only for further authors."""
        further = bodies.author_ids() - progress.asked_author_ids - {progress.viewer_id}
        if progress.standing is not None and not further:
            return progress.standing
        standing = await self.standings.get(progress.viewer_id, further)
        if standing.is_stale:
            progress.degraded.add(tweet_pb2.DEGRADED_PART_STALE_CONTEXT)
        if progress.standing is not None:
            standing = replace(standing, followed_ids=standing.followed_ids | progress.standing.followed_ids)
        progress.standing = standing
        progress.asked_author_ids |= further
        return standing

    async def _pulled(self, progress: _Progress, author_ids: Collection[int], wanted: int) -> list[Stretch]:
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                return await self.author_lists.read(author_ids, below=progress.below, wanted=wanted)
        except (Unavailable, DeadlineExceeded, TimeoutError):
            progress.degraded.add(tweet_pb2.DEGRADED_PART_PULLED_AUTHORS)
            return []

    def _clean_up(self, progress: _Progress) -> None:
        """Take ids of deleted tweets out of what they were found in. Those of authors not followed stay: the worker
        of the unfollow removes them, because a reader would race with a follow that comes after.
        """
        deleted = progress.bodies.deleted.intersection(progress.examined)
        if deleted:
            pulled_author_ids = progress.standing.pull_author_ids if progress.standing else ()
            self.errands.start(self.store.remove(deleted, progress.viewer_id), name="removing deleted tweets")
            self.errands.start(self.author_lists.forget(deleted, pulled_author_ids), name="forgetting deleted tweets")


def _knows(bodies: Bodies, tweet_id: int) -> bool:
    return tweet_id in bodies.live or tweet_id in bodies.deleted


def _position(progress: _Progress, size: int) -> int:
    if len(progress.kept) > size:
        further = progress.examined.index(progress.kept[size])
        return progress.examined[further - 1]
    return 0 if progress.is_dry else progress.below

"""Ids only: where the next stretch of a home timeline comes from, whatever state the store is in."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from mesh.errors import Unavailable
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.home.sources import newest_of
from timeline_svc.model import Stretch
from timeline_svc.store import TimelineStore

# Pages made of nothing but questions to other services, in one process at a time.
PULLS_AT_ONCE = 32
PULLS_WAITING = 64


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A stretch of a timeline. `is_whole` when pulled authors are in it already."""

    stretch: Stretch
    is_whole: bool


@dataclass(slots=True)
class Skeletons:
    """Reads the pushed timeline; builds it when it is absent; goes on by pull below its floor, or without a store."""

    store: TimelineStore
    rebuilder: Rebuilder
    graph: Graph
    tweets: AuthorTweets
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PULLS_AT_ONCE))
    _pulling: int = 0

    async def next(self, viewer_id: int, *, below: int, wanted: int) -> Skeleton:
        """Up to `wanted` ids below an id, exclusive; 0 means from the newest. `covers_to` lies below it.

        Raises Unavailable when neither the store nor the sources can be read, or too many ask the sources.
        """
        pushed = await self._pushed(viewer_id, below, wanted)
        if pushed is not None and (not below or pushed.covers_to < below):
            return Skeleton(pushed, is_whole=False)
        return Skeleton(await self._pulled(viewer_id, below, wanted), is_whole=True)

    async def _pushed(self, viewer_id: int, below: int, wanted: int) -> Stretch | None:
        try:
            page = await self.store.page(viewer_id, below=below, limit=wanted)
            if page is not None:
                return page
            built = await self.rebuilder.build(viewer_id)
        except Unavailable:
            return None
        return None if built is None else _cut(built, below, wanted)

    async def _pulled(self, viewer_id: int, below: int, wanted: int) -> Stretch:
        if self._pulling >= PULLS_AT_ONCE + PULLS_WAITING:
            raise Unavailable.backend("the timelines")
        self._pulling += 1
        try:
            async with self._slots:
                followees = await self.graph.followees(viewer_id)
                authors: Collection[int] = [viewer_id, *(followee.user_id for followee in followees)]
                return await newest_of(authors, wanted=wanted, tweets=self.tweets, below=below)
        finally:
            self._pulling -= 1


def _cut(built: Stretch, below: int, wanted: int) -> Stretch:
    """The page of a whole timeline that begins below an id."""
    ids = [tweet_id for tweet_id in built.ids if not below or tweet_id < below][:wanted]
    return Stretch(ids, ids[-1] if len(ids) == wanted else built.covers_to)

"""Builds a timeline that is absent. Readers of one timeline share one build, and are answered from what it merged.

The mark comes before the sources are read: a tweet that is fanned out in between is then pushed into the timeline being
built; without the mark both would miss it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mesh.errors import Unavailable
from mesh.failpoints import fp
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.home.errands import Errands
from timeline_svc.home.sources import newest_of
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import AuthorClass, Status, Stretch
from timeline_svc.store import TimelineStore

AT_ONCE = 32
WAITING = 256


@dataclass(slots=True)
class Rebuilder:
    """Builds home timelines from the graph and the tweets, `AT_ONCE` at a time with `WAITING` more in line."""

    store: TimelineStore
    graph: Graph
    tweets: AuthorTweets
    errands: Errands
    metrics: TimelineMetrics
    capacity: int
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _running: dict[int, asyncio.Task[Stretch | None]] = field(default_factory=dict)

    async def build(self, owner_id: int) -> Stretch | None:
        """What the timeline consists of, from the newest; kept in the store as well if that is there.

        It goes on when the caller is cancelled. None when somebody else builds it, or too many are being built: the
        caller reads by pull then. Raises Unavailable when the sources cannot be read.
        """
        running = self._running.get(owner_id)
        if running is None:
            if len(self._running) >= AT_ONCE + WAITING:
                self.metrics.rebuilds.labels("refused").inc()
                return None
            running = self.errands.start(self._build(owner_id), name=f"the build of timeline {owner_id}")
            if running is None:
                return None
            self._running[owner_id] = running
            running.add_done_callback(lambda _: self._running.pop(owner_id, None))
        return await asyncio.shield(running)

    async def renew(self, owner_id: int) -> Stretch | None:
        """Build the timeline anew, whatever there is of it. Readers are served from the sources meanwhile.

        None when somebody else began to build it just now. A build that was under way here is joined, and has lost its
        timeline by the drop: its outcome is not the answer. Raises Unavailable.
        """
        await self.store.drop(owner_id)
        built = await self.build(owner_id)
        is_ready = (await self.store.state(owner_id)).status is Status.READY
        return built if is_ready else None

    async def _build(self, owner_id: int) -> Stretch | None:
        async with self._slots:
            fp("rebuild.before_mark")
            generation = await self.store.begin_build(owner_id)
            if generation is None:
                self.metrics.rebuilds.labels("elsewhere").inc()
                return None
            fp("rebuild.marked")
            merged = await self.merge(owner_id)
            fp("rebuild.merged")
            await self._keep(owner_id, generation, merged)
            fp("rebuild.kept")
            return merged

    async def merge(self, owner_id: int) -> Stretch:
        """What a build made now would consist of, from the sources alone. Raises Unavailable."""
        followees = await self.graph.followees(owner_id)
        fp("rebuild.followees_read")
        authors = [followee.user_id for followee in followees if followee.author_class is not AuthorClass.PULL]
        return await newest_of([owner_id, *authors], wanted=self.capacity, tweets=self.tweets)

    async def _keep(self, owner_id: int, generation: str, merged: Stretch) -> None:
        try:
            is_kept = await self.store.finish_build(owner_id, generation, merged.ids, floor=merged.covers_to)
        except Unavailable:
            is_kept = False
        self.metrics.rebuilds.labels("finished" if is_kept else "lost").inc()

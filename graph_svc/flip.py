"""The job that moves authors on while their class changes: it indexes followers, waits, and cleans up.

Each step is one write that holds only if nobody else moved the author, and where it stands is in the store: it may be
killed anywhere, and may run in several processes at once.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from graph_svc.author_class import Bounds, Stage, Standing, stage_after_work
from graph_svc.store import GraphStore
from mesh.clock import Clock
from mesh.errors import Unavailable
from mesh.events.interface import Outbox
from mesh.failpoints import fp

logger = logging.getLogger(__name__)

# Follows of the same store wait for a page to be written: a few milliseconds.
FOLLOWERS_AT_ONCE = 500
AUTHORS_AT_ONCE = 100
REST = timedelta(seconds=1)


class FlipJob:
    """`run` works for ever, `run_once` moves every unsettled author by one step."""

    def __init__(
        self,
        store: GraphStore,
        outbox: Outbox,
        *,
        clock: Clock,
        bounds: Bounds,
        followers_at_once: int = FOLLOWERS_AT_ONCE,
        rest: timedelta = REST,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self._bounds = bounds
        self._followers_at_once = followers_at_once
        self._rest_seconds = rest.total_seconds()

    async def run(self) -> None:
        """Until cancelled. A store that is away is asked again after a rest."""
        while True:
            try:
                has_more = await self.run_once()
            except Unavailable as away:
                logger.warning("the classes of authors must wait: %s", away)
                has_more = False
            await asyncio.sleep(0 if has_more else self._rest_seconds)

    async def run_once(self) -> bool:
        """One step for each unsettled author. Returns whether there is more to do at once."""
        has_more = False
        authors = await self._store.unsettled(above_author_id=0, limit=AUTHORS_AT_ONCE)
        while authors:
            for standing in authors:
                has_more |= await self._step(standing)
            authors = await self._store.unsettled(above_author_id=authors[-1].author_id, limit=AUTHORS_AT_ONCE)
        return has_more

    async def _step(self, standing: Standing) -> bool:
        """One page of work, or the next stage if it is time. Returns whether something was done."""
        is_confirmed = False
        match standing.stage:
            case Stage.INDEXING if standing.cursor > 0:
                await self._store.index_followers(standing, limit=self._followers_at_once)
                fp("flip.page_indexed")
                return True
            case Stage.CLEANING if standing.cursor > 0:
                await self._store.unindex_followers(standing, limit=self._followers_at_once)
                fp("flip.page_cleaned")
                return True
            case Stage.PUSHING:
                # The row of a dead letter stays: the author then stays in BOTH until it is replayed.
                is_confirmed = await self._outbox.get(standing.event_id) is None
            case _:
                pass
        now_us = self._clock.now_us()
        stage = stage_after_work(standing, now_us=now_us, bounds=self._bounds, is_confirmed=is_confirmed)
        if stage is not None:
            fp("flip.before_stage")
            await self._store.change_stage(standing, stage, now_us=now_us)
            fp("flip.stage_changed")
            logger.info(
                "author %d goes from %s to %s", standing.author_id, standing.stage.name.lower(), stage.name.lower()
            )
        return stage is not None

"""The ids of pulled authors: one list for each author, shared by all readers, built when somebody first asks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from mesh.errors import Unavailable
from mesh.failpoints import fp
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.home.errands import Errands
from timeline_svc.home.sources import newest_of
from timeline_svc.model import Stretch
from timeline_svc.store import TimelineStore

# A list begins with so many ids and grows by what its author posts; below its floor pages ask tweet_svc.
FIRST_IDS = 200
BUILT_AT_ONCE = 16


@dataclass(slots=True)
class AuthorLists:
    """Reads lists from the store, and from tweet_svc those that are not there."""

    store: TimelineStore
    tweets: AuthorTweets
    errands: Errands
    _building: set[int] = field(default_factory=set)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BUILT_AT_ONCE))

    async def read(self, author_ids: Collection[int], *, below: int, wanted: int) -> list[Stretch]:
        """What the authors wrote below an id, exclusive; 0 means from the newest. One stretch or several for all.

        Raises Unavailable when tweet_svc has to be asked and cannot be.
        """
        if not author_ids:
            return []
        lists, absent = await self._stored(author_ids, below, wanted)
        covering = {author: stretch for author, stretch in lists.items() if not below or stretch.covers_to < below}
        others = [author for author in author_ids if author not in covering]
        stretches = list(covering.values())
        if others:
            stretches.append(await newest_of(others, wanted=wanted, tweets=self.tweets, below=below))
        for author_id in absent:
            self._start_building(author_id)
        return stretches

    async def forget(self, tweet_ids: Collection[int], author_ids: Collection[int]) -> None:
        """Take ids of deleted tweets out of the lists of these authors."""
        for author_id in author_ids:
            await self.store.remove(tweet_ids, author_id)

    async def _stored(
        self, author_ids: Collection[int], below: int, wanted: int
    ) -> tuple[dict[int, Stretch], list[int]]:
        """The lists that are there, and whose are not; while the store is away nobody's is."""
        try:
            lists = await self.store.pages(author_ids, below=below, limit=wanted)
        except Unavailable:
            return {}, []
        return lists, [author for author in author_ids if author not in lists]

    def _start_building(self, author_id: int) -> None:
        if author_id not in self._building:
            self._building.add(author_id)
            task = self.errands.start(self._build(author_id), name=f"the build of author list {author_id}")
            if task is None:
                self._building.discard(author_id)
            else:
                task.add_done_callback(lambda _: self._building.discard(author_id))

    async def _build(self, author_id: int) -> None:
        async with self._slots:
            generation = await self.store.begin_build(author_id)
            if generation is not None:
                fp("author_list.marked")
                found = await newest_of([author_id], wanted=FIRST_IDS, tweets=self.tweets)
                fp("author_list.read")
                await self.store.finish_build(author_id, generation, found.ids, floor=found.covers_to)
                fp("author_list.kept")

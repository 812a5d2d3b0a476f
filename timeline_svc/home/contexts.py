"""How viewers stand to authors, fresh from graph_svc, or while it is away from what it said within the last minute."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from mesh.clock import Clock
from mesh.errors import DeadlineExceeded, Unavailable
from views.clients.graph import ReadContexts
from views.model import ReadContext

OLDEST_USED = timedelta(seconds=60)
# So long a page waits for graph_svc when it has an older answer to fall back on; the call's own deadline would leave
# no time for that. Without one for every author it waits as long as the call may last.
PATIENCE = timedelta(milliseconds=400)
VIEWERS_REMEMBERED = 5_000
# Pages of one viewer that are remembered: the newest and the one before it.
PAGES_REMEMBERED = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """Whom to pull for a viewer, and which of the authors asked about the viewer follows."""

    pull_author_ids: tuple[int, ...]
    followed_ids: frozenset[int]
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Remembered:
    at: float
    pull_author_ids: tuple[int, ...]
    followed_ids: tuple[int, ...]
    others: tuple[int, ...]


class Standings:
    """Asks graph_svc once for each page, and remembers the answers of the last minute for as many viewers as fit."""

    def __init__(self, contexts: ReadContexts, *, clock: Clock) -> None:
        self._contexts = contexts
        self._clock = clock
        self._remembered: OrderedDict[int, list[_Remembered]] = OrderedDict()

    async def get(self, viewer_id: int, author_ids: Collection[int]) -> Standing:
        """The viewer's standing to at most 1,000 authors.

        Raises Unavailable when graph_svc cannot be reached and it is not known from within the last minute for every
        one of the authors.
        """
        try:
            async with asyncio.timeout(None) as limit:

                def enough_is_known() -> None:
                    if self._recall(viewer_id, author_ids) is not None:
                        limit.reschedule(loop.time())

                loop = asyncio.get_running_loop()
                late = loop.call_later(PATIENCE.total_seconds(), enough_is_known)
                try:
                    context = await self._contexts.get(viewer_id, list(author_ids))
                finally:
                    late.cancel()
        except (Unavailable, DeadlineExceeded, TimeoutError) as away:
            standing = self._recall(viewer_id, author_ids)
            if standing is None:
                raise Unavailable.backend("graph") from away
            return standing
        self._remember(viewer_id, author_ids, context)
        return Standing(context.pull_author_ids, context.followed_ids.union(context.pull_author_ids))

    def _remember(self, viewer_id: int, author_ids: Collection[int], context: ReadContext) -> None:
        now = self._clock.monotonic()
        others = tuple(author_id for author_id in author_ids if author_id not in context.followed_ids)
        page = _Remembered(now, context.pull_author_ids, tuple(context.followed_ids), others)
        pages = self._remembered.get(viewer_id, [])
        self._remembered[viewer_id] = [page, *pages[: PAGES_REMEMBERED - 1]]
        self._remembered.move_to_end(viewer_id)
        oldest = next(iter(self._remembered))
        if len(self._remembered) > VIEWERS_REMEMBERED or not self._is_recent(self._remembered[oldest][0]):
            del self._remembered[oldest]

    def _recall(self, viewer_id: int, author_ids: Collection[int]) -> Standing | None:
        pages = [page for page in self._remembered.get(viewer_id, []) if self._is_recent(page)]
        if not pages:
            return None
        follows: dict[int, bool] = {}
        for page in reversed(pages):  # the newest has the last word
            follows |= dict.fromkeys(page.followed_ids, True) | dict.fromkeys(page.others, False)
        follows |= dict.fromkeys(pages[0].pull_author_ids, True)
        if any(author_id not in follows and author_id != viewer_id for author_id in author_ids):
            return None
        followed = frozenset(author_id for author_id, is_followed in follows.items() if is_followed)
        return Standing(pages[0].pull_author_ids, followed, is_stale=True)

    def _is_recent(self, page: _Remembered) -> bool:
        return self._clock.monotonic() - page.at <= OLDEST_USED.total_seconds()

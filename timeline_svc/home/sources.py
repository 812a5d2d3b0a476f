"""What a timeline is made of when there is none: the newest tweets of many authors, merged from tweet_svc."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping

from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.model import Stretch, merge_stretches

# The first look asks each author for its fair share of the page, this many times over, and never for fewer than that.
GENEROSITY = 4
FEWEST_ASKED = 8


async def newest_of(
    author_ids: Collection[int], *, wanted: int, tweets: AuthorTweets, below: int = 0, above: int = 0
) -> Stretch:
    """The newest ids of all the authors together: `wanted` (at most 800) of them, or all there are between the bounds.

    A first look asks everybody for a few; a second asks those for `wanted` whose few ended too early. Both bounds are
    exclusive. Raises Unavailable.
    """
    if not author_ids:
        return Stretch([], 0)
    few = min(wanted, max(FEWEST_ASKED, GENEROSITY * wanted // len(author_ids)))
    found = await tweets.newest_ids(author_ids, limit=few, below=below, above=above)
    cut_at = _cut_at(found, few)
    newest = heapq.nlargest(wanted, (tweet_id for ids in found.values() for tweet_id in ids))
    goal = newest[-1] if len(newest) == wanted else 0
    early = [author_id for author_id, oldest in cut_at.items() if oldest > goal]
    if early and few < wanted:
        more = await tweets.newest_ids(early, limit=wanted, below=below, above=above)
        found |= more
        cut_at = {author_id: oldest for author_id, oldest in cut_at.items() if author_id not in more}
        cut_at |= _cut_at(more, wanted)
    # Where the first of them that may have more ends, ids may be missing below.
    covers_to = max(cut_at.values(), default=0)
    return merge_stretches((Stretch(ids, covers_to) for ids in found.values()), most=wanted)


def _cut_at(found: Mapping[int, list[int]], limit: int) -> dict[int, int]:
    """The last id of each author that gave as many as were asked for, so that there may be more."""
    return {author_id: ids[-1] for author_id, ids in found.items() if len(ids) == limit}

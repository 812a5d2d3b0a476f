"""tweet_svc's ids of authors, from a plain dict."""

from __future__ import annotations

from collections.abc import Collection

from timeline_svc.clients.tweets import MOST_IDS_OF_AN_AUTHOR, AuthorTweets


class ListedTweets(AuthorTweets):
    """`ids` of each author, in any order; counts how many ids it gave."""

    def __init__(self, ids: dict[int, list[int]]) -> None:
        self.ids = ids
        self.calls = 0
        self.given = 0

    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        assert 0 < limit <= MOST_IDS_OF_AN_AUTHOR
        self.calls += 1
        found = {}
        for author_id in author_ids:
            ids = sorted(
                (i for i in self.ids.get(author_id, []) if i > above and (not below or i < below)), reverse=True
            )
            if ids:
                found[author_id] = ids[:limit]
                self.given += len(found[author_id])
        return found

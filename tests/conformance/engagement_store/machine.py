"""An engagement store against a model of a few sets: any sequence of likes and of what events tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from engagement_svc.model import Engagement
from tests.conformance.engagement_store.backends import SHARED_BACKENDS, Backend, Open
from tests.conformance.engagement_store.cases import NOW, like, likers

USERS = (1, 2, 3)
# Each answers the one before it, and is written by one of the users.
TWEETS = (1, 2, 3, 4)

users = st.sampled_from(USERS)
tweets = st.sampled_from(TWEETS)

# Each example has ids of its own, so that the database need not be emptied for it.
_FIRST_IDS = count(1_000_000, 1_000)


class EngagementStoreMachine(RuleBasedStateMachine):
    """The model: ids of all likes by pair, live pairs, tweets added, tweets removed.

    After each step what it touched is compared, and everything at the end.
    """

    open_backend: ClassVar[Open] = SHARED_BACKENDS["sqlite"]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.backend: Backend = self.runner.run(self.stack.enter_async_context(type(self).open_backend(folder)))
        self.first_id = next(_FIRST_IDS)
        self.users = [self.first_id + number for number in USERS]
        self.tweets = [self.first_id + number for number in TWEETS]
        self.edge_ids: dict[tuple[int, int], int] = {}
        self.live: set[tuple[int, int]] = set()
        self.added: set[int] = set()
        self.removed: set[int] = set()
        self.now_us = NOW

    def teardown(self) -> None:
        try:
            self.compare_everything()
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    @rule(user=users, tweet=tweets, edge_id=st.integers(min_value=1, max_value=2**62))
    def like(self, user: int, tweet: int, edge_id: int) -> None:
        if edge_id in self.edge_ids.values():
            return
        self.now_us += 1
        pair = (self.first_id + user, self.first_id + tweet)
        liking = self.runner.run(like(self.backend.store, *pair, edge_id=edge_id, now_us=self.now_us))
        self.live.add(pair)
        assert liking.edge.edge_id == self.edge_ids.setdefault(pair, edge_id)
        assert liking.likes_count == self.likes_of(pair[1])
        self.compare([pair[1]], [], viewers=[pair[0]])

    @rule(user=users, tweet=tweets)
    def unlike(self, user: int, tweet: int) -> None:
        self.now_us += 1
        pair = (self.first_id + user, self.first_id + tweet)
        liking = self.runner.run(self.backend.second.unlike(*pair, now_us=self.now_us))
        self.live.discard(pair)
        assert (liking.edge.edge_id if liking else None) == self.edge_ids.get(pair)
        assert liking is None or liking.likes_count == self.likes_of(pair[1])
        self.compare([pair[1]], [], viewers=[pair[0]])

    @rule(tweet=tweets)
    def add_tweet(self, tweet: int) -> None:
        tweet_id = self.first_id + tweet
        self.runner.run(
            self.backend.store.add_tweet(tweet_id, author_id=self.author_of(tweet_id), parent_id=tweet_id - 1)
        )
        self.added.add(tweet_id)
        self.compare([tweet_id - 1], [self.author_of(tweet_id)])

    @rule(tweet=tweets)
    def remove_tweet(self, tweet: int) -> None:
        tweet_id = self.first_id + tweet
        self.runner.run(
            self.backend.second.remove_tweet(tweet_id, author_id=self.author_of(tweet_id), parent_id=tweet_id - 1)
        )
        self.removed.add(tweet_id)
        self.compare([tweet_id - 1], [self.author_of(tweet_id)])

    def compare_everything(self) -> None:
        self.compare(self.tweets, self.users, viewers=self.users)
        assert self.runner.run(self.backend.store.drifts()) == []

    def compare(self, tweet_ids: Sequence[int], author_ids: Sequence[int], *, viewers: Sequence[int] = (0,)) -> None:
        """Counts are the rows, of tweets and of authors; lists are newest first by edge id."""
        posted = self.added - self.removed
        by_edge = sorted(self.live, key=lambda pair: self.edge_ids[pair], reverse=True)
        engagements, counts, listed = self.runner.run(self.read(tweet_ids, author_ids, viewers))
        assert engagements == [
            [
                Engagement(id_, self.likes_of(id_), int(id_ + 1 in posted), (viewer, id_) in self.live)
                for id_ in tweet_ids
            ]
            for viewer in viewers
        ]
        assert counts == {author: sum(self.author_of(id_) == author for id_ in posted) for author in author_ids}
        assert listed == [[user_id for user_id, liked_id in by_edge if liked_id == id_] for id_ in tweet_ids]

    async def read(
        self, tweet_ids: Sequence[int], author_ids: Sequence[int], viewers: Sequence[int]
    ) -> tuple[list[list[Engagement]], dict[int, int], list[list[int]]]:
        store = self.backend.store
        return await asyncio.gather(
            asyncio.gather(*(store.engagements(tweet_ids, viewer_id=viewer) for viewer in viewers)),
            store.tweets_counts(author_ids),
            asyncio.gather(*(likers(store, tweet_id) for tweet_id in tweet_ids)),
        )

    def author_of(self, tweet_id: int) -> int:
        return self.users[tweet_id % len(self.users)]

    def likes_of(self, tweet_id: int) -> int:
        return sum(liked_id == tweet_id for _, liked_id in self.live)

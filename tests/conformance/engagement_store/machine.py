"""An engagement store against a model of a few sets: any sequence of likes and of what events tell."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engagement_svc.model import Engagement
from tests.conformance.engagement_store.backends import BACKENDS, Backend, Open
from tests.conformance.engagement_store.cases import NOW, like, likers

USERS = (1, 2, 3)
# Each answers the one before it, and is written by one of the users.
TWEETS = (1, 2, 3, 4)

users = st.sampled_from(USERS)
tweets = st.sampled_from(TWEETS)


def author_of(tweet_id: int) -> int:
    return USERS[tweet_id % len(USERS)]


class EngagementStoreMachine(RuleBasedStateMachine):
    """The model: ids of all likes by pair, live pairs, tweets added, tweets removed."""

    open_backend: ClassVar[Open] = BACKENDS["sqlite"]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.backend: Backend = self.runner.run(self.stack.enter_async_context(type(self).open_backend(folder)))
        self.edge_ids: dict[tuple[int, int], int] = {}
        self.live: set[tuple[int, int]] = set()
        self.added: set[int] = set()
        self.removed: set[int] = set()
        self.now_us = NOW

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    @rule(user_id=users, tweet_id=tweets, edge_id=st.integers(min_value=1, max_value=2**62))
    def like(self, user_id: int, tweet_id: int, edge_id: int) -> None:
        if edge_id in self.edge_ids.values():
            return
        self.now_us += 1
        pair = (user_id, tweet_id)
        liking = self.runner.run(like(self.backend.store, *pair, edge_id=edge_id, now_us=self.now_us))
        self.live.add(pair)
        assert liking.edge.edge_id == self.edge_ids.setdefault(pair, edge_id)
        assert liking.likes_count == self.likes_of(tweet_id)

    @rule(user_id=users, tweet_id=tweets)
    def unlike(self, user_id: int, tweet_id: int) -> None:
        self.now_us += 1
        pair = (user_id, tweet_id)
        liking = self.runner.run(self.backend.second.unlike(*pair, now_us=self.now_us))
        self.live.discard(pair)
        assert (liking.edge.edge_id if liking else None) == self.edge_ids.get(pair)
        assert liking is None or liking.likes_count == self.likes_of(tweet_id)

    @rule(tweet_id=tweets)
    def add_tweet(self, tweet_id: int) -> None:
        self.runner.run(self.backend.store.add_tweet(tweet_id, author_id=author_of(tweet_id), parent_id=tweet_id - 1))
        self.added.add(tweet_id)

    @rule(tweet_id=tweets)
    def remove_tweet(self, tweet_id: int) -> None:
        self.runner.run(
            self.backend.second.remove_tweet(tweet_id, author_id=author_of(tweet_id), parent_id=tweet_id - 1)
        )
        self.removed.add(tweet_id)

    @invariant()
    def counts_are_the_rows(self) -> None:
        posted = self.added - self.removed
        for viewer_id in USERS:
            assert self.runner.run(self.backend.store.engagements(TWEETS, viewer_id=viewer_id)) == [
                Engagement(id_, self.likes_of(id_), int(id_ + 1 in posted), (viewer_id, id_) in self.live)
                for id_ in TWEETS
            ]
        assert self.runner.run(self.backend.store.tweets_counts(USERS)) == {
            user_id: sum(author_of(tweet_id) == user_id for tweet_id in posted) for user_id in USERS
        }
        assert self.runner.run(self.backend.store.drifts()) == []

    @invariant()
    def lists_are_newest_first_by_edge_id(self) -> None:
        by_edge = sorted(self.live, key=lambda pair: self.edge_ids[pair], reverse=True)
        for tweet_id in TWEETS:
            expected = [user_id for user_id, liked_id in by_edge if liked_id == tweet_id]
            assert self.runner.run(likers(self.backend.store, tweet_id)) == expected

    def likes_of(self, tweet_id: int) -> int:
        return sum(liked_id == tweet_id for _, liked_id in self.live)

"""Any order of calls: the store answers as a small dict does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.conformance.tweet_store.cases import BACKENDS, HASH, KEY, NOW_US, OTHER_HASH, Open, delete, first_of, insert
from tests.support.examples import examples
from tweet_svc.model import Claim, RequestIdReused, Tweet

STEPS = 30
AUTHORS = 3
TWEETS = 12
# A third of the tweets lies in each; in February there is none.
MONTHS = (first_of(2025, 12), first_of(2026, 1), first_of(2026, 3))
NUMBERS = st.integers(1, TWEETS)
BOUNDS = st.integers(0, TWEETS + 1)
T = TypeVar("T")


class TweetStoreMachine(RuleBasedStateMachine):
    """Calls on the left, a dict on the right. Each machine has ids of its own, in the same store."""

    open_backend: Open
    folder: Path
    machines: Iterator[int]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        opening = type(self).open_backend(type(self).folder)
        self.store = self.wait(self.stack.enter_async_context(opening)).store
        self.machine = next(type(self).machines)
        self.authors = [1 + self.machine * AUTHORS + number for number in range(AUTHORS)]
        self.tweets: dict[int, Tweet] = {}
        self.claims: dict[str, tuple[bytes, int]] = {}

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            assert (
                self.wait(self.store.get_many([self.id_of(number) for number in range(1, TWEETS + 1)])) == self.tweets
            )
        finally:
            self.wait(self.stack.aclose())
            self.runner.close()

    def id_of(self, number: int) -> int:
        """Ids in the order of their numbers; 0 stays 0."""
        month, place = divmod(number - 1, TWEETS // len(MONTHS))
        if not number:
            return 0
        if month == len(MONTHS):
            return self.id_of(TWEETS) + 1
        return MONTHS[month] + (self.machine << 12) + place

    @rule(number=NUMBERS, by=st.integers(0, AUTHORS - 1), answers=st.integers(0, TWEETS), content=st.text(max_size=5))
    def insert(self, number: int, by: int, answers: int, content: str) -> None:
        tweet_id, parent_id = self.id_of(number), self.id_of(answers)
        tweet = Tweet(tweet_id, self.authors[by], content, parent_id, parent_id or tweet_id)
        self.wait(insert(self.store, tweet))
        self.tweets.setdefault(tweet_id, tweet)
        self.check(number)

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        tweet = self.tweets.get(self.id_of(number))
        if tweet is not None:
            self.wait(delete(self.store, tweet))
            self.tweets[tweet.tweet_id] = replace(tweet, content="", is_deleted=True)
            self.check(number)

    @rule(key=st.sampled_from("abc"), request_hash=st.sampled_from([HASH, OTHER_HASH]), candidate_id=NUMBERS)
    def claim(self, key: str, request_hash: bytes, candidate_id: int) -> None:
        known = self.claims.get(key)
        call = self.store.claim(
            replace(KEY, user_id=self.authors[0], key=key),
            request_hash=request_hash,
            candidate_id=candidate_id,
            at_us=NOW_US,
        )
        if known is not None and known[0] != request_hash:
            with pytest.raises(RequestIdReused):
                self.wait(call)
            return
        expected = Claim(known[1], replayed=True) if known else Claim(candidate_id, replayed=False)
        assert self.wait(call) == expected
        self.claims.setdefault(key, (request_hash, candidate_id))

    @rule(below=BOUNDS, above=BOUNDS, limit=st.integers(1, 5), exclude_replies=st.booleans())
    def list_authors(self, below: int, above: int, limit: int, exclude_replies: bool) -> None:
        below, above = self.id_of(below), self.id_of(above)
        found = self.wait(
            self.store.list_author_ids(
                self.authors, below=below, above=above, limit=limit, exclude_replies=exclude_replies
            )
        )
        expected = {}
        for author in self.authors:
            ids = [
                tweet.tweet_id
                for tweet in self.live()
                if tweet.user_id == author
                and (not below or tweet.tweet_id < below)
                and tweet.tweet_id > above
                and not (exclude_replies and tweet.in_reply_to_tweet_id)
            ]
            if ids:
                expected[author] = ids[:limit]
        assert found == expected

    @rule(number=NUMBERS, below=BOUNDS, limit=st.integers(1, 5))
    def list_replies(self, number: int, below: int, limit: int) -> None:
        parent_id, below = self.id_of(number), self.id_of(below)
        found = self.wait(self.store.list_reply_ids(parent_id, below=below, limit=limit))
        ids = [tweet.tweet_id for tweet in self.live() if tweet.in_reply_to_tweet_id == parent_id]
        assert found == [id_ for id_ in ids if not below or id_ < below][:limit]

    def check(self, number: int) -> None:
        tweet_id = self.id_of(number)
        assert self.wait(self.store.get_many([tweet_id, tweet_id])) == {tweet_id: self.tweets[tweet_id]}

    def live(self) -> list[Tweet]:
        return sorted(
            (tweet for tweet in self.tweets.values() if not tweet.is_deleted), key=lambda tweet: -tweet.tweet_id
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_store_answers_as_a_dict_does(backend: str, tmp_path: Path) -> None:
    parts = {"open_backend": staticmethod(BACKENDS[backend]), "folder": tmp_path, "machines": count()}
    run_state_machine_as_test(
        type("Machine", (TweetStoreMachine,), parts),
        settings=settings(
            max_examples=examples(backend),
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )

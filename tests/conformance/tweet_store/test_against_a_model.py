"""Any order of calls: the store answers as a small dict does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.conformance.tweet_store.cases import (
    ANN,
    BACKENDS,
    BOB,
    CYD,
    HASH,
    ID,
    KEY,
    NOW_US,
    OTHER_HASH,
    Open,
    a_tweet,
    delete,
    insert,
)
from tweet_svc.model import Claim, RequestIdReused, Tweet

AUTHORS = (ANN, BOB, CYD)
NUMBERS = st.integers(1, 12)
T = TypeVar("T")


class TweetStoreMachine(RuleBasedStateMachine):
    """Calls on the left, a dict on the right."""

    open_backend: Open

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.store = self.wait(self.stack.enter_async_context(type(self).open_backend(folder))).store
        self.tweets: dict[int, Tweet] = {}
        self.claims: dict[str, tuple[bytes, int]] = {}

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.wait(self.stack.aclose())
        self.runner.close()

    @rule(number=NUMBERS, by=st.sampled_from(AUTHORS), answers=st.integers(0, 12), content=st.text(max_size=5))
    def insert(self, number: int, by: int, answers: int, content: str) -> None:
        tweet = a_tweet(number, by=by, answers=answers, content=content)
        self.wait(insert(self.store, tweet))
        self.tweets.setdefault(tweet.tweet_id, tweet)

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        tweet = self.tweets.get(ID + number)
        if tweet is not None:
            self.wait(delete(self.store, tweet))
            self.tweets[tweet.tweet_id] = replace(tweet, content="", is_deleted=True)

    @rule(key=st.sampled_from("abc"), request_hash=st.sampled_from([HASH, OTHER_HASH]), candidate_id=NUMBERS)
    def claim(self, key: str, request_hash: bytes, candidate_id: int) -> None:
        known = self.claims.get(key)
        call = self.store.claim(
            replace(KEY, key=key), request_hash=request_hash, candidate_id=candidate_id, at_us=NOW_US
        )
        if known is not None and known[0] != request_hash:
            with pytest.raises(RequestIdReused):
                self.wait(call)
            return
        expected = Claim(known[1], replayed=True) if known else Claim(candidate_id, replayed=False)
        assert self.wait(call) == expected
        self.claims.setdefault(key, (request_hash, candidate_id))

    @rule(below=st.integers(0, 13), above=st.integers(0, 13), limit=st.integers(1, 5), exclude_replies=st.booleans())
    def list_authors(self, below: int, above: int, limit: int, exclude_replies: bool) -> None:
        found = self.wait(
            self.store.list_author_ids(
                AUTHORS,
                below=ID + below if below else 0,
                above=ID + above if above else 0,
                limit=limit,
                exclude_replies=exclude_replies,
            )
        )
        expected = {}
        for author in AUTHORS:
            ids = [
                tweet.tweet_id
                for tweet in self.live()
                if tweet.user_id == author
                and (not below or tweet.tweet_id < ID + below)
                and (not above or tweet.tweet_id > ID + above)
                and not (exclude_replies and tweet.in_reply_to_tweet_id)
            ]
            if ids:
                expected[author] = ids[:limit]
        assert found == expected

    @rule(number=NUMBERS, below=st.integers(0, 13), limit=st.integers(1, 5))
    def list_replies(self, number: int, below: int, limit: int) -> None:
        found = self.wait(self.store.list_reply_ids(ID + number, below=ID + below if below else 0, limit=limit))
        ids = [tweet.tweet_id for tweet in self.live() if tweet.in_reply_to_tweet_id == ID + number]
        assert found == [id_ for id_ in ids if not below or id_ < ID + below][:limit]

    @invariant()
    def every_tweet_is_as_expected(self) -> None:
        assert self.wait(self.store.get_many(range(ID, ID + 14))) == self.tweets

    def live(self) -> list[Tweet]:
        return sorted(
            (tweet for tweet in self.tweets.values() if not tweet.is_deleted), key=lambda tweet: -tweet.tweet_id
        )


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_store_answers_as_a_dict_does(backend: str) -> None:
    machine = type("Machine", (TweetStoreMachine,), {"open_backend": staticmethod(BACKENDS[backend])})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )

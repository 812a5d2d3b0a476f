"""Two answers about tweets joined into one."""

from __future__ import annotations

from aviary.type.v1.tweet_pb2 import Tweet
from views.model import Bodies, distinct


def test_joining_keeps_what_either_knows() -> None:
    joined = Bodies({1: Tweet(tweet_id=1)}, frozenset({2})).joined(Bodies({3: Tweet(tweet_id=3)}, frozenset({4})))
    assert joined.live.keys() == {1, 3}
    assert joined.deleted == {2, 4}


def test_the_later_answer_wins_over_the_earlier_one() -> None:
    joined = Bodies({1: Tweet(tweet_id=1)}).joined(Bodies({}, frozenset({1})))
    assert not joined.live
    assert joined.deleted == {1}
    joined = Bodies({}, frozenset({1})).joined(Bodies({1: Tweet(tweet_id=1)}))
    assert joined.live.keys() == {1}
    assert not joined.deleted


def test_the_authors_are_those_of_the_live_tweets_each_once() -> None:
    bodies = Bodies({1: Tweet(user_id=8), 2: Tweet(user_id=8), 3: Tweet(user_id=9)}, frozenset({4}))
    assert bodies.author_ids() == {8, 9}


def test_ids_are_made_distinct_in_the_order_of_their_first_appearance() -> None:
    assert distinct([3, 1, 3, 2, 1]) == [3, 1, 2]

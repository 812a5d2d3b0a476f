"""The newest ids of many authors together, from few questions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.timeline_svc.authors import ListedTweets
from timeline_svc.home.sources import newest_of
from timeline_svc.model import Stretch


@given(
    owner_of=st.lists(st.integers(1, 12), max_size=300),
    wanted=st.integers(1, 60),
    below=st.integers(0, 300),
    above=st.integers(0, 300),
)
async def test_it_gives_the_newest_with_no_gap(owner_of: list[int], wanted: int, below: int, above: int) -> None:
    ids: dict[int, list[int]] = {}
    for tweet_id, author_id in enumerate(owner_of, start=1):
        ids.setdefault(author_id, []).append(tweet_id)
    whole = [i for i in range(len(owner_of), 0, -1) if i > above and (not below or i < below)]
    tweets = ListedTweets(ids)
    found = await newest_of(range(1, 13), wanted=wanted, tweets=tweets, below=below, above=above)
    assert found.ids == whole[: len(found.ids)]
    assert len(found.ids) >= min(wanted, len(whole))
    assert found.covers_to in {0, found.ids[-1] if found.ids else 0}
    if found.covers_to == 0:
        assert found.ids == whole
    assert tweets.calls <= 2


async def test_one_author_who_writes_everything_costs_a_second_question_about_that_one_only() -> None:
    quiet = {author_id: [author_id] for author_id in range(1, 500)}
    tweets = ListedTweets({**quiet, 1_000: list(range(10_000, 12_000))})
    found = await newest_of([*quiet, 1_000], wanted=800, tweets=tweets)
    assert found == Stretch(list(range(11_999, 11_199, -1)), 11_200)
    assert tweets.calls == 2
    assert tweets.given < 499 + 8 + 800 + 1


async def test_nobody_wrote_nothing() -> None:
    assert await newest_of([], wanted=10, tweets=ListedTweets({})) == Stretch([], 0)
    assert await newest_of([1, 2], wanted=10, tweets=ListedTweets({})) == Stretch([], 0)

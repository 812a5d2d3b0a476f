"""Calls that end in the middle, after each of their statements: repeated they end well, and also when nobody does."""

from __future__ import annotations

from collections.abc import Awaitable

from engagement_svc.model import Engagement
from engagement_svc.store import EngagementStore
from mesh.errors import Unavailable
from tests.conformance.engagement_store.backends import Backend
from tests.conformance.engagement_store.cases import ANN, BOB, NOW, REPLY, TWEET, engagement, like, likers

# More statements than any call has.
ENDS = range(1, 18)


async def has_ended_well(call: Awaitable[object]) -> bool:
    try:
        await call
    except Unavailable:
        return False
    return True


async def assert_is_consistent(store: EngagementStore, tweet_id: int) -> None:
    """The likes are counted as they are listed, and as users see them."""
    listed = await likers(store, tweet_id)
    seen = [user for user in (BOB, ANN) if (await engagement(store, tweet_id, viewer_id=user)).is_liked]
    assert sorted(listed) == sorted(seen)
    assert (await engagement(store, tweet_id)).likes_count == len(listed)


async def test_a_like_of_unknown_outcome_is_repeated(backend: Backend) -> None:
    outcomes = []
    for end in ENDS:
        tweet_id = TWEET + end
        await like(backend.store, BOB, tweet_id)
        outcomes.append(await has_ended_well(like(backend.dying(end), ANN, tweet_id, edge_id=100 + end)))
        repeated = await like(backend.second, ANN, tweet_id, edge_id=200 + end, now_us=NOW + 5)
        assert (repeated.edge.is_live, repeated.likes_count) == (True, 2)
        assert await engagement(backend.store, tweet_id, viewer_id=ANN) == Engagement(tweet_id, 2, 0, is_liked=True)
        listed = await backend.store.likes(tweet_id, below_edge_id=0, limit=10)
        assert repeated.edge in listed
        await assert_is_consistent(backend.store, tweet_id)
    assert not outcomes[0]
    assert outcomes[-1]
    assert await backend.store.drifts() == []


async def test_a_like_that_was_seen_keeps_its_id_when_it_is_repeated(backend: Backend) -> None:
    seen = []
    for end in ENDS:
        tweet_id = TWEET + end
        await has_ended_well(like(backend.dying(end), ANN, tweet_id, edge_id=100 + end))
        seen.append((await engagement(backend.store, tweet_id, viewer_id=ANN)).is_liked)
        repeated = await like(backend.second, ANN, tweet_id, edge_id=200 + end)
        # One that nobody sees yet may have come so far as to have its id.
        assert repeated.edge.edge_id in ({100 + end} if seen[-1] else {100 + end, 200 + end})
    assert seen[-1]


async def test_taking_back_with_unknown_outcome_is_repeated(backend: Backend) -> None:
    outcomes = []
    for end in ENDS:
        tweet_id = TWEET + end
        await like(backend.store, ANN, tweet_id)
        await like(backend.store, BOB, tweet_id)
        outcomes.append(await has_ended_well(backend.dying(end).unlike(ANN, tweet_id, now_us=NOW + 1)))
        repeated = await backend.second.unlike(ANN, tweet_id, now_us=NOW + 5)
        assert repeated is not None
        assert (repeated.edge.is_live, repeated.likes_count) == (False, 1)
        assert await likers(backend.store, tweet_id) == [BOB]
        await assert_is_consistent(backend.store, tweet_id)
    assert not outcomes[0]
    assert outcomes[-1]
    assert await backend.store.drifts() == []


async def test_an_event_of_unknown_outcome_is_told_again(backend: Backend) -> None:
    for end in ENDS:
        await has_ended_well(backend.dying(end).add_tweet(REPLY + end, author_id=BOB, parent_id=TWEET))
        await backend.second.add_tweet(REPLY + end, author_id=BOB, parent_id=TWEET)
        assert (await engagement(backend.store, TWEET)).replies_count == 1
        assert await backend.store.tweets_counts([BOB]) == {BOB: 1}
        await has_ended_well(backend.dying(end).remove_tweet(REPLY + end, author_id=BOB, parent_id=TWEET))
        await backend.second.remove_tweet(REPLY + end, author_id=BOB, parent_id=TWEET)
        assert (await engagement(backend.store, TWEET)).replies_count == 0
        assert await backend.store.tweets_counts([BOB]) == {BOB: 0}
    assert await backend.store.drifts() == []


async def test_what_a_call_has_left_is_counted_a_while_later(backend: Backend) -> None:
    for end in ENDS:
        await like(backend.store, BOB, TWEET + end)
        await has_ended_well(like(backend.dying(end), ANN, TWEET + end, edge_id=100 + end))
        await has_ended_well(backend.dying(end).add_tweet(REPLY + 100 + end, author_id=BOB, parent_id=TWEET))
    await backend.repair()
    assert await backend.store.drifts() == []
    for end in ENDS:
        await assert_is_consistent(backend.store, TWEET + end)
    for end in ENDS:
        await has_ended_well(backend.dying(end).unlike(BOB, TWEET + end, now_us=NOW + 1))
        await has_ended_well(backend.dying(end).remove_tweet(REPLY + 100 + end, author_id=BOB, parent_id=TWEET))
    await backend.repair()
    assert await backend.store.drifts() == []
    for end in ENDS:
        await assert_is_consistent(backend.store, TWEET + end)

"""What the suites of the engagement store share: a few users and tweets, and short ways to write and read."""

from __future__ import annotations

from engagement_svc.model import Engagement, Liking
from engagement_svc.store import EngagementStore

ANN, BOB, CYD = 1_001, 1_002, 1_003
TWEET, TWEET_2, REPLY, REPLY_2 = 2_001, 2_002, 2_003, 2_004
NOW = 1_800_000_000_000_000


async def like(store: EngagementStore, user_id: int, tweet_id: int, *, edge_id: int = 0, now_us: int = NOW) -> Liking:
    """Like with an edge id of both ids' own, unless it is given."""
    return await store.like(user_id, tweet_id, new_edge_id=edge_id or user_id * 10_000 + tweet_id, now_us=now_us)


async def engagement(store: EngagementStore, tweet_id: int, *, viewer_id: int = 0) -> Engagement:
    (found,) = await store.engagements([tweet_id], viewer_id=viewer_id)
    return found


async def likers(store: EngagementStore, tweet_id: int) -> list[int]:
    return [edge.user_id for edge in await store.likes(tweet_id, below_edge_id=0, limit=1_000)]

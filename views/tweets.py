"""The read: bodies, then counts, viewer state and accounts, one batch each and side by side.

What must be there and what may be missing:

    bodies, referenced tweets   required: without them the call fails with Unavailable
    counts, viewer state        optional: DEGRADED_PART_COUNTS, DEGRADED_PART_VIEWER_STATE
    accounts                    optional: DEGRADED_PART_AUTHORS

Who may see what is decided between the two steps, by `views.visibility`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Container, Sequence
from datetime import timedelta
from typing import TypeVar

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1 import tweet_pb2
from aviary.type.v1.user_pb2 import User
from mesh.caller import CURRENT_CALL
from mesh.errors import MeshError
from views.clients.engagement import Engagements
from views.clients.tweets import StoredTweets
from views.clients.users import UserCards
from views.metrics import ViewMetrics
from views.model import Bodies, SeenTweets, Tweet, distinct
from views.presentation import includes, mentioned_usernames, referenced_ids, set_engagement, those_that_fit
from views.visibility import DropReason, drop_reason

Expansions = Collection[tweet_pb2.Expansion.ValueType]
Parts = set[tweet_pb2.DegradedPart.ValueType]
Found = TypeVar("Found")

# No answer has room for more mentioned accounts than this, if they are large.
MOST_MENTIONED = 300


class TweetReader:
    """Turns ids into tweets with counts, viewer state and what they refer to.

    `patience` is how long a page waits for a part it can do without: at most that, and at most half of the time that
    the call in progress has left.
    """

    def __init__(
        self,
        tweets: StoredTweets,
        users: UserCards,
        engagement: Engagements,
        *,
        metrics: ViewMetrics | None = None,
        patience: timedelta = timedelta(milliseconds=400),
    ) -> None:
        self._tweets = tweets
        self._users = users
        self._engagement = engagement
        self._metrics = metrics or ViewMetrics()
        self._patience_seconds = patience.total_seconds()

    async def read(self, ids: Sequence[int], *, viewer_id: int = 0, expansions: Expansions = ()) -> SeenTweets:
        """Both steps, for pages on which every live tweet may be seen. At most 1,000 ids. Raises Unavailable."""
        bodies = await self.bodies(ids)
        seen = await self.present(bodies, ids, viewer_id=viewer_id, expansions=expansions)
        for id_ in seen.missing:
            self._metrics.drop(DropReason.DELETED if id_ in seen.deleted else DropReason.UNKNOWN)
        return seen

    async def bodies(self, ids: Sequence[int]) -> Bodies:
        """The first step: what is known of the ids. Raises Unavailable."""
        if not ids:
            return Bodies({})
        return await self._tweets.get_many(distinct(ids))

    def followed(
        self, bodies: Bodies, order: Sequence[int], *, viewer_id: int, followed_ids: Container[int]
    ) -> list[int]:
        """Between the steps of a home timeline: those of `order` that the viewer gets to see, each once."""
        kept = []
        for id_ in distinct(order):
            tweet = bodies.live.get(id_)
            reason = drop_reason(
                author_id=tweet.user_id if tweet else None,
                is_deleted=id_ in bodies.deleted,
                viewer_id=viewer_id,
                followed_ids=followed_ids,
            )
            if reason is None:
                kept.append(id_)
            else:
                self._metrics.drop(reason)
        return kept

    async def present(
        self, bodies: Bodies, order: Sequence[int], *, viewer_id: int = 0, expansions: Expansions = ()
    ) -> SeenTweets:
        """The second step: the tweets of `order` that are live, each once. Engagement is asked once for all of them.

        Accounts in includes carry no counts. Referenced tweets that are deleted or unknown are left out.
        Raises Unavailable only for referenced tweets.
        """
        wanted = distinct(order)
        tweets = [bodies.live[id_] for id_ in wanted if id_ in bodies.live]
        missing = tuple(id_ for id_ in wanted if id_ not in bodies.live)
        deleted = bodies.deleted.intersection(missing)
        if not tweets:
            return SeenTweets(tweets, deleted=deleted, missing=missing)
        referenced = await self._referenced(bodies, tweets, expansions)
        shown = list({tweet.tweet_id: tweet for tweet in (*tweets, *referenced)}.values())
        degraded: Parts = set()
        async with asyncio.TaskGroup() as parts:
            engagements = parts.create_task(self._engagements(shown, viewer_id))
            users = parts.create_task(self._accounts(shown, expansions, degraded))
        degraded |= set_engagement(shown, engagements.result(), viewer_id=viewer_id)
        accounts = those_that_fit(users.result(), beside=(*tweets, *referenced))
        if len(accounts) < len(users.result()):
            degraded.add(tweet_pb2.DEGRADED_PART_AUTHORS)
        self._metrics.degrade(degraded)
        return SeenTweets(tweets, includes(accounts, referenced), sorted(degraded), deleted, missing)

    async def _referenced(self, bodies: Bodies, tweets: Sequence[Tweet], expansions: Expansions) -> list[Tweet]:
        if tweet_pb2.EXPANSION_REFERENCED_TWEETS not in expansions:
            return []
        ids = referenced_ids(tweets)
        known = bodies.joined(await self.bodies([id_ for id_ in ids if id_ not in bodies.live]))
        return [known.live[id_] for id_ in ids if id_ in known.live]

    async def _engagements(self, tweets: Sequence[Tweet], viewer_id: int) -> dict[int, TweetEngagement]:
        ids = [tweet.tweet_id for tweet in tweets]
        found = await self._optional(self._engagement.get_many(ids, viewer_id=viewer_id))
        return dict(found or {})

    async def _accounts(self, tweets: Sequence[Tweet], expansions: Expansions, degraded: Parts) -> list[User]:
        users: list[User] = []
        if tweet_pb2.EXPANSION_AUTHOR in expansions:
            author_ids = distinct(tweet.user_id for tweet in tweets)
            authors = await self._optional(self._users.get_reachable(author_ids)) or {}
            users.extend(authors.values())
            if len(authors) < len(author_ids):
                degraded.add(tweet_pb2.DEGRADED_PART_AUTHORS)
        names = mentioned_usernames(tweets) if tweet_pb2.EXPANSION_MENTIONED_USERS in expansions else []
        if names:
            asked = names[:MOST_MENTIONED]
            mentioned = await self._optional(self._users.by_usernames(asked))
            users.extend(mentioned[name] for name in asked if mentioned and name in mentioned)
            if mentioned is None or len(asked) < len(names):
                degraded.add(tweet_pb2.DEGRADED_PART_AUTHORS)
        return list({user.user_id: user for user in users}.values())

    async def _optional(self, part: Awaitable[Found]) -> Found | None:
        """The part, or None when it fails or takes too long."""
        try:
            async with asyncio.timeout(self._seconds_to_wait()):
                return await part
        except (MeshError, TimeoutError):
            return None

    def _seconds_to_wait(self) -> float:
        call = CURRENT_CALL.get()
        if call is None:
            return self._patience_seconds
        return min(self._patience_seconds, (call.deadline - asyncio.get_running_loop().time()) / 2)

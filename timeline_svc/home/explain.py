"""Looks at a tweet and a home timeline as a read would, and tells what it found. It changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mesh.errors import Unavailable
from mesh.ids import id_time_us
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.home.facts import (
    Edge,
    Fact,
    FoundTweet,
    Stored,
    class_fact,
    entry_fact,
    event_fact,
    follow_fact,
    timeline_facts,
    tweet_fact,
)
from timeline_svc.home.rebuild import Rebuilder
from timeline_svc.model import AuthorClass, FanoutStatus, Status, status_of
from timeline_svc.store import FanoutRecords, TimelineStore
from views.clients.graph import ReadContexts
from views.clients.tweets import StoredTweets

NO_EDGE = Edge(is_own=False, is_followed=False, is_pulled=False)


@dataclass(frozen=True, slots=True)
class Explainer:
    """Asks what a page asks: the same stores, the same services, and tweets through the same cache."""

    homes: TimelineStore
    author_lists: TimelineStore
    records: FanoutRecords
    rebuilder: Rebuilder
    graph: Graph
    contexts: ReadContexts
    tweets: AuthorTweets
    bodies: StoredTweets

    async def explain(self, owner_id: int, tweet_id: int) -> list[Fact]:
        """Why the pages of the owner's timeline show the tweet, or do not: they do unless a fact excludes it.

        So it is now: a fan-out or a change of follows that is under way may change it. Raises Unavailable when
        graph_svc or tweet_svc cannot be asked; without Redis it explains how pages do without.
        """
        tweet, home, fanout = await asyncio.gather(self._tweet(tweet_id), self._home(owner_id), self._fanout(tweet_id))
        facts = [tweet_fact(tweet)]
        edge, author_list, is_in_sources = NO_EDGE, Stored(None), False
        if tweet.author_id:
            (edge, author_class), author_list, is_in_sources = await asyncio.gather(
                self._edge(owner_id, tweet.author_id), self._author_list(tweet.author_id), self._is_in_sources(tweet)
            )
            facts += [follow_fact(tweet, edge), class_fact(author_class)]
        floor_us = id_time_us(home.contents.covers_to) if home.contents else 0
        facts += [event_fact(fanout), *timeline_facts(tweet, home, floor_us=floor_us)]
        return [*facts, entry_fact(tweet, edge, home=home, author_list=author_list, is_in_sources=is_in_sources)]

    async def _tweet(self, tweet_id: int) -> FoundTweet:
        bodies = await self.bodies.get_many([tweet_id])
        body = bodies.live.get(tweet_id)
        return FoundTweet(tweet_id, body.user_id if body else 0, tweet_id in bodies.deleted, id_time_us(tweet_id))

    async def _home(self, owner_id: int) -> Stored:
        try:
            home = await self._stored(self.homes, owner_id)
        except Unavailable:
            return Stored(None)
        return Stored(Status.ABSENT, await self.rebuilder.merge(owner_id)) if home.status is Status.ABSENT else home

    async def _author_list(self, author_id: int) -> Stored:
        try:
            return await self._stored(self.author_lists, author_id)
        except Unavailable:
            return Stored(None)

    async def _stored(self, store: TimelineStore, owner_id: int) -> Stored:
        contents = await store.contents(owner_id)
        if contents is not None:
            return Stored(Status.READY, contents)
        state = await store.state(owner_id)
        # READY by now: it was being built when the contents were asked for.
        return Stored(Status.ABSENT if state.status is Status.ABSENT else Status.BUILDING)

    async def _fanout(self, tweet_id: int) -> FanoutStatus | None:
        try:
            return status_of(await self.records.find(tweet_id))
        except Unavailable:
            return None

    async def _edge(self, owner_id: int, author_id: int) -> tuple[Edge, AuthorClass]:
        context, followees, audience = await asyncio.gather(
            self.contexts.get(owner_id, [author_id]), self.graph.followees(owner_id), self.graph.audience(author_id)
        )
        edge_id = next((followee.edge_id for followee in followees if followee.user_id == author_id), 0)
        is_pulled = author_id in context.pull_author_ids
        edge = Edge(
            is_own=owner_id == author_id,
            is_followed=is_pulled or author_id in context.followed_ids,
            is_pulled=is_pulled,
            since_us=id_time_us(edge_id) if edge_id else 0,
        )
        return edge, audience.author_class

    async def _is_in_sources(self, tweet: FoundTweet) -> bool:
        id_ = tweet.tweet_id
        found = await self.tweets.newest_ids([tweet.author_id], limit=1, below=id_ + 1, above=id_ - 1)
        return found.get(tweet.author_id) == [id_]

"""Users: each does one thing after the other, repeats what it got no answer to, and checks every page that it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

from aviary.graph.v1.graph_service_pb2 import FollowUserRequest, UnfollowUserRequest
from aviary.timeline.v1.timeline_service_pb2 import ListHomeTimelineRequest, ListHomeTimelineResponse
from aviary.tweet.v1.tweet_service_pb2 import CreateTweetRequest, DeleteTweetRequest
from aviary.type.v1.tweet_pb2 import DEGRADED_PART_STALE_CONTEXT
from mesh.errors import DeadlineExceeded, MeshError, Unavailable
from tests.simulation.history import History, Outcome, Post
from tests.simulation.virtual_time import VirtualLoop

MOST_TRIES = 3
LONG_REST = 9.0


class User:
    """One account. `stubs` are what it calls, by service: "tweet", "graph", "timeline"."""

    def __init__(
        self,
        user_id: int,
        *,
        others: list[int],
        star_id: int,
        stubs: dict[str, Any],
        history: History,
        chance: Random,
        loop: VirtualLoop,
        pace: float,
        expire: Callable[[int], None] | None,
    ) -> None:
        self.user_id = user_id
        self._others = [other for other in others if other != user_id]
        self._star_id = star_id
        self._stubs = stubs
        self._history = history
        self._chance = chance
        self._loop = loop
        self._pace = pace
        self._expire = expire

    async def live(self, operations: int) -> None:
        """So many operations on one device and, at the same time, pages read on another."""
        reads = operations // 2
        await asyncio.gather(self._write(operations - reads), self._read_now_and_then(reads))

    async def _write(self, operations: int) -> None:
        for done in range(operations):
            await self._rest(1.0)
            await self._do_something(later=done * 2 > operations)

    async def _read_now_and_then(self, times: int) -> None:
        for _ in range(times):
            await self._rest(2.0)
            await self.read(page_size=self._chance.choice((0, 2, 3)))

    async def _rest(self, times: float) -> None:
        rest = self._chance.expovariate(1 / self._pace) * times
        await asyncio.sleep(LONG_REST * self._chance.random() if self._chance.random() < 0.04 else rest)
        self._history.operations += 1

    async def _do_something(self, *, later: bool) -> None:
        chance = self._chance.random()
        if self.user_id == self._star_id and self._chance.random() < 0.5:
            await self.post()
        elif chance < 0.16 and self._expire is not None:
            await self._come_back(self._expire)
        elif chance < 0.44:
            await self.post()
        elif chance < (0.60 if later else 0.66):
            await self.follow(self._somebody(), is_wanted=True)
        elif chance < 0.71:
            await self.follow(self._somebody(), is_wanted=False)
        elif chance < 0.90:
            await self._waver(self._somebody_who_posts(is_followed=True))
        else:
            await self.delete()

    async def _come_back(self, expire: Callable[[int], None]) -> None:
        """After so long that the timeline is gone: it is built while the user does something else."""
        expire(self.user_id)
        somebody = self._somebody_who_posts(is_followed=False)
        first = self.post() if self._chance.random() < 0.3 else self.follow(somebody, is_wanted=True)
        await asyncio.gather(self.read(page_size=0), first)

    async def _waver(self, other_id: int) -> None:
        """Leave and follow again, in one breath: the events of it are handled at the same time."""
        for is_wanted in (True, False, True, False, True)[self._chance.randrange(4) :]:
            await self.follow(other_id, is_wanted=is_wanted)

    def _somebody(self) -> int:
        """Often the one whom everybody follows, and leaves."""
        if self._star_id != self.user_id and self._chance.random() < 0.5:
            return self._star_id
        return self._chance.choice(self._others)

    def _somebody_who_posts(self, *, is_followed: bool) -> int:
        """One whose tweets a timeline can lose, or lack, if there is one yet."""
        followees = self._history.followees(self.user_id)
        authors = sorted({post.user_id for post in self._history.posts if post.tweet_id} - {self.user_id})
        fitting = [author for author in authors if (author in followees) is is_followed]
        return self._chance.choice(fitting or authors or self._others)

    async def post(self) -> None:
        post = Post(self.user_id, len(self._history.posts))
        self._history.posts.append(post)
        await self._send(post)

    async def _send(self, post: Post) -> None:
        request = CreateTweetRequest(content=post.content, request_id=f"key-{post.number}")
        outcome, answer = await self._tried(
            f"posts {post.content!r}", lambda: self._stubs["tweet"].CreateTweet(request)
        )
        if outcome is Outcome.OK:
            tweet = answer.tweet
            if (tweet.user_id, tweet.content) != (self.user_id, post.content):
                self._find(f"posting {post.content!r} was answered with {tweet.content!r}")
            post.tweet_id = tweet.tweet_id
            self._history.by_id[tweet.tweet_id] = post
        elif outcome is Outcome.FAILED:
            self._find(f"{post.content!r} was refused")

    async def delete(self) -> None:
        """One of the newest; a post where there is none."""
        mine = [post for post in self._history.posts if post.user_id == self.user_id]
        live = [post for post in mine if post.tweet_id and not (post.is_deleted or post.is_being_deleted)]
        await (self._delete(self._chance.choice(live[-4:])) if live else self.post())

    async def _delete(self, post: Post) -> None:
        post.is_being_deleted, post.deleted_from = True, post.deleted_from or self._loop.time()
        request = DeleteTweetRequest(tweet_id=post.tweet_id)
        outcome, _ = await self._tried(f"deletes {post.content!r}", lambda: self._stubs["tweet"].DeleteTweet(request))
        if outcome is Outcome.OK:
            post.is_deleted = True
        elif outcome is Outcome.FAILED:
            self._find(f"the delete of {post.content!r} was refused: a post that was acknowledged is lost")

    async def follow(self, other_id: int, *, is_wanted: bool) -> None:
        edge = self._history.edge(self.user_id, other_id)
        edge.is_wanted, edge.is_known = is_wanted, False
        edge.was_ever |= is_wanted
        graph = self._stubs["graph"]
        if is_wanted:
            what, call = "follows", partial(graph.FollowUser, FollowUserRequest(user_id=other_id))
        else:
            what, call = "leaves", partial(graph.UnfollowUser, UnfollowUserRequest(user_id=other_id))
        outcome, _ = await self._tried(f"{what} {other_id}", call)
        edge.is_known = outcome is Outcome.OK
        if not is_wanted:
            edge.ended_at = self._loop.time()
        if outcome is Outcome.FAILED:
            self._find(f"{self.user_id} {what} {other_id}: refused")

    async def settle(self) -> None:
        """Repeat what is unknown, until it is known."""
        for post in [post for post in self._history.posts if post.user_id == self.user_id]:
            if not post.tweet_id:
                await self._send(post)
            if post.is_being_deleted and not post.is_deleted:
                await self._delete(post)
        for (follower_id, other_id), edge in list(self._history.edges.items()):
            if follower_id == self.user_id and not edge.is_known:
                await self.follow(other_id, is_wanted=edge.is_wanted)

    async def read(self, *, page_size: int, most_pages: int = 3) -> list[int] | None:
        """A walk through the timeline, from the newest on. None when a page could not be had."""
        walked: list[int] = []
        token = ""
        for _ in range(most_pages):
            began = self._loop.time()
            request = ListHomeTimelineRequest(page_size=page_size, page_token=token)
            outcome, page = await self._tried(
                f"reads {page_size or 'a page'}{' on' if token else ''}",
                lambda request=request: self._stubs["timeline"].ListHomeTimeline(request),  # type: ignore[misc]  # the request of this turn
            )
            if outcome is not Outcome.OK:
                return None
            walked += self._checked(page, began)
            if any(older >= newer for newer, older in pairwise(walked)):
                self._find(f"{self.user_id} read {walked}, which does not go down")
            token = page.next_page_token
            if not token:
                break
        return walked

    def _checked(self, page: ListHomeTimelineResponse, began: float) -> list[int]:
        """The ids, after a look at what may not be there at any time."""
        is_stale = DEGRADED_PART_STALE_CONTEXT in page.degraded
        for item in page.items:
            tweet = item.tweet
            number = int(tweet.content.removeprefix("tweet ")) if tweet.content else -1
            post = self._history.posts[number] if 0 <= number < len(self._history.posts) else None
            if post is None or post.user_id != tweet.user_id or post.tweet_id not in {0, tweet.tweet_id}:
                self._find(f"phantom: {self.user_id} saw {tweet.tweet_id} of {tweet.user_id}: {tweet.content!r}")
                continue
            edge = self._history.edge(self.user_id, post.user_id)
            may_be_followed = edge.is_wanted or not edge.is_known or edge.ended_at >= began
            may_be_followed |= is_stale and edge.was_ever
            if post.user_id != self.user_id and not may_be_followed:
                self._find(f"{self.user_id} saw {post.content!r} of {post.user_id}, whom it does not follow")
        return [item.sort_id for item in page.items]

    async def _tried(self, what: str, call: Callable[[], Awaitable[Any]]) -> tuple[Outcome, Any]:
        began = self._loop.time()
        for tried in range(MOST_TRIES):
            if tried:
                await asyncio.sleep(0.1 * (1 << tried) * (0.5 + self._chance.random()))
            try:
                answer = await call()
            except (Unavailable, DeadlineExceeded):
                continue
            except MeshError as refused:
                self._tell(began, f"{what}: {refused.reason}")
                return Outcome.FAILED, None
            self._tell(began, f"{what}: ok" + (f", {_ids(answer)}" if _ids(answer) else ""))
            return Outcome.OK, answer
        self._tell(began, f"{what}: unknown")
        return Outcome.UNKNOWN, None

    def _tell(self, began: float, text: str) -> None:
        self._history.tell(self._loop.time(), f"{self.user_id} (from {began:.4f}) {text}")

    def _find(self, text: str) -> None:
        self._history.find(self._loop.time(), text)


def _ids(answer: Any) -> list[int]:
    if isinstance(answer, ListHomeTimelineResponse):
        return [int(item.tweet.content.removeprefix("tweet ")) for item in answer.items if item.tweet.content]
    return [answer.tweet.tweet_id] if hasattr(answer, "tweet") else []

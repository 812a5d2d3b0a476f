"""F38: clients go away in the middle of a post, at any moment of it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from aviary.tweet.v1.tweet_service_pb2 import CreateTweetRequest
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge, until_quiet
from tests.faults.chaos.people import People, people_of
from tests.faults.posting import in_flight
from tests.mesh.support.actions import walk
from tests.mesh.support.api import Person

if TYPE_CHECKING:  # the typed stub is known to type checkers only
    from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceAsyncStub

PEOPLE = 16
FOLLOWED_BY_EACH = 4
POSTS = Amount(150, 500, 5_000)
AT_ONCE = 4
# Posts that nobody leaves, to learn how long one takes.
PATIENT_POSTS = 20
REPEATED_SHARE = 0.3


async def leave_posts(run: Run) -> None:
    """Each post is there in all lists and timelines, or nowhere; repeated under its key it is there once."""
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people, _channel(people) as channel:
        posts = _Posts(people, TweetServiceStub(channel), random.Random(f"{run.seed}/{run.bar}"))
        await in_flight(range(PATIENT_POSTS), posts.post, at_once=AT_ONCE)
        posts.longest = 2 * sum(posts.took) / len(posts.took)
        await in_flight(range(PATIENT_POSTS, PATIENT_POSTS + POSTS.at(run.scale)), posts.post, at_once=AT_ONCE)
        run.figures |= {"posts": POSTS.at(run.scale), "left": len(posts.left) + posts.repeated}
        run.figures["repeated"] = posts.repeated
        await until_quiet(people)
        found = await posts.find()
        run.figures |= {"left and there": found, "left and not there": len(posts.left) - found}
        run.expect("some of those left are there, some not", run.figures, is_so=0 < found < len(posts.left))
        await judge(people, run)


def _channel(people: People) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"ipv4:{people.mesh.find('tweet_svc')['address']}")


@dataclass
class _Posts:
    people: People
    tweets: TweetServiceAsyncStub
    chance: random.Random
    # The longest that a client waits; 0: for the answer.
    longest: float = 0.0
    took: list[float] = field(default_factory=list)
    left: dict[str, Person] = field(default_factory=dict)
    repeated: int = 0

    async def post(self, number: int) -> None:
        """One, left after a moment; some of those are repeated under their key."""
        person, text = self.chance.choice(self.people.everybody), f"left {number} {self.chance.getrandbits(64):x}"
        self.people.attempted.add(text)
        clock = SystemClock()
        began = clock.monotonic()
        key = f"left-{number}"
        try:
            async with asyncio.timeout(self.longest * self.chance.random() ** 3 if self.longest else None):
                tweet_id = await self._send(text, by=person, key=key, is_direct=number % 3 > 0)
        except TimeoutError:
            if self.chance.random() >= REPEATED_SHARE:
                self.left[text] = person
                return
            self.repeated += 1
            tweet_id = await self._send(text, by=person, key=key, is_direct=False)
        self.took.append(clock.monotonic() - began)
        self.people.history.posted(person, tweet_id, text)

    async def _send(self, text: str, *, by: Person, key: str, is_direct: bool) -> int:
        """Through the edge, which does not tell a service that its client went away; or straight to the service."""
        if is_direct:
            request = CreateTweetRequest(content=text, request_id=key)
            answer = await self.tweets.CreateTweet(request, metadata=(("authorization", f"Bearer {by.token}"),))
            return int(answer.tweet.tweet_id)
        posted = await self.people.api.insist("POST", "/v1/tweets", {"content": text}, by=by, key=key)
        return int(posted["tweet"]["tweetId"])

    async def find(self) -> int:
        """How many of those that were left are in the lists of their authors. From now on they must be everywhere."""
        found = 0
        for person in self.people.everybody:
            for tweet in await walk(self.people.api, f"/v1/users/{person.user_id}/tweets", "tweets", page_size=100):
                if self.left.get(tweet["content"]) == person:
                    self.people.history.posted(person, int(tweet["tweetId"]), tweet["content"])
                    found += 1
        return found

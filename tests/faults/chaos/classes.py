"""F24: an author's class goes up and down while posts are written, and the process that moves it is killed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import grpc

from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.blows import killing
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.striking import strike
from tests.mesh.support.actions import home
from tests.mesh.support.api import Person
from tests.mesh.support.operator import Operator
from tests.support.wait_until import wait_until

PEOPLE = Amount(20, 60, 200)
FOLLOWED_BY_EACH = 3
# Followers that make an author one that is pulled, and at which they are pushed again.
THRESHOLD = Amount(12, 50, 50)
PULL_BACK = Amount(6, 30, 30)
# Up and down, so many times, and so many kills meanwhile.
CROSSINGS = Amount(2, 4, 20)
KILLS = Amount(2, 6, 30)
POSTS = Amount(40, 100, 500)
CROSSED_SECONDS = 120.0
WATCHERS = 3
BETWEEN_POSTS_SECONDS = 0.1


async def cross_the_threshold(run: Run) -> None:
    """Each follower has each post exactly once, at any time, and at the end all of them."""
    threshold, back = THRESHOLD.at(run.scale), PULL_BACK.at(run.scale)
    settings = (("THRESHOLD", threshold), ("BACK", back))
    flags = [word for name, value in settings for word in ("--set", f"AVIARY_GRAPH_PULL_{name}={value}")]
    flags += ["--set", "AVIARY_GRAPH_BOTH_SECONDS=1"]
    count = PEOPLE.at(run.scale)
    async with people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people:
        author, *others = people.everybody
        tide = _Tide(people, author, steady=others[: back // 2], others=others[back // 2 : threshold + 2])
        for person in others[threshold + 2 :]:
            await tide.unfollow(person)
        for person in tide.steady:
            await tide.follow(person)
        tide.changes = 0
        async with asyncio.TaskGroup() as group:
            for person in tide.steady[:WATCHERS]:
                group.create_task(tide.watch(person))
            group.create_task(tide.post(random.Random(f"{run.seed}/{run.bar}")))
            striking = group.create_task(
                strike(
                    run,
                    people.mesh,
                    killing("graph_svc"),
                    times=KILLS.at(run.scale),
                    progress=lambda: tide.changes,
                    enough=CROSSINGS.at(run.scale) * 2 * (len(tide.others) - 1),
                )
            )
            for _ in range(CROSSINGS.at(run.scale)):
                await tide.rise()
                await tide.fall()
            await striking
            await wait_until(lambda: tide.posts >= POSTS.at(run.scale), at_most=CROSSED_SECONDS)
            tide.is_over = True
        run.figures |= {"posts of the author": tide.posts, "to PULL": tide.risen, "to PUSH": tide.fallen}
        run.figures |= {"pages": tide.pages, "wrong pages": len(tide.wrong)}
        run.expect("pages of followers", tide.wrong, is_so=not tide.wrong)
        await judge(people, run)


@dataclass
class _Tide:
    """An author whose followers come and go; `steady` ones stay."""

    people: People
    author: Person
    steady: list[Person]
    others: list[Person]
    changes: int = 0
    posts: int = 0
    risen: int = 0
    fallen: int = 0
    pages: int = 0
    wrong: list[str] = field(default_factory=list)
    is_over: bool = False

    async def follow(self, person: Person) -> None:
        answer = await self.people.api.settle("PUT", f"/v1/users/{self.author.user_id}/follow", {}, by=person)
        assert answer.status < 300, answer
        self.people.history.followed(person, self.author)
        self.changes += 1

    async def unfollow(self, person: Person) -> None:
        answer = await self.people.api.settle("DELETE", f"/v1/users/{self.author.user_id}/follow", by=person)
        assert answer.status < 300, answer
        self.people.history.unfollowed(person, self.author)
        self.changes += 1

    async def rise(self) -> None:
        """All follow, until the author is pulled."""
        for person in self.others:
            await self.follow(person)
        await self._becomes("PULL")
        self.risen += 1

    async def fall(self) -> None:
        """All but one unfollow, until the author is pushed."""
        for person in self.others[1:]:
            await self.unfollow(person)
        await self._becomes("PUSH")
        self.fallen += 1

    async def _becomes(self, author_class: str) -> None:
        operator = Operator(self.people.mesh)

        async def is_so() -> bool:
            try:
                return await operator.author_class(self.author) == author_class
            except grpc.aio.AioRpcError:  # it starts again just now
                return False

        await wait_until(is_so, at_most=CROSSED_SECONDS)

    async def post(self, chance: random.Random) -> None:
        """The author, one after the other."""
        while not self.is_over:
            text = f"at the tide {chance.getrandbits(64):x}"
            self.people.attempted.add(text)
            answer = await self.people.api.settle(
                "POST", "/v1/tweets", {"content": text}, by=self.author, key=f"tide-{self.posts}"
            )
            self.people.history.posted(self.author, int(answer.json["tweet"]["tweetId"]), text)
            self.posts += 1
            await asyncio.sleep(BETWEEN_POSTS_SECONDS)

    async def watch(self, person: Person) -> None:
        """A follower who stays: nothing is there twice, and what was seen once is always seen."""
        before: list[int] = []
        while not self.is_over:
            seen = await home(self.people.api, person)
            self.pages += 1
            if seen != sorted(set(seen), reverse=True):
                self.wrong.append(f"{person.username}: not in falling order, or something twice")
            if gone := set(before) - set(seen):
                self.wrong.append(f"{person.username}: {len(gone)} of {len(before)} are gone")
            before = seen

"""People at work on a mesh: each does one thing after the other, repeats it until it is answered, and notes it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from mesh.background import background
from tests.faults.chaos.audits import AUDITING
from tests.faults.chaos.bar import Run
from tests.faults.chaos.prepared_store import copy_prepared
from tests.mesh.support import actions
from tests.mesh.support.api import Api, Person, open_api
from tests.mesh.support.history import History
from tests.mesh.support.running_mesh import RunningMesh, running_mesh
from tests.mesh.support.story import Story

CONNECTIONS = 16
# More at once, and on a machine that others use each takes longer than a call may.
SIGNED_UP_AT_ONCE = 2
LATEST = 40
NOT_FOUND = 404
# Tweets that somebody who tidies up keeps.
KEPT = 40
# Each person, once a bar has lasted so long: a token is good for 15 minutes.
LOGGED_IN_EVERY_SECONDS = 300.0


@dataclass
class People:
    """Everybody, and all that they were told."""

    mesh: RunningMesh
    api: Api
    history: History
    everybody: list[Person]
    seed: int
    attempted: set[str] = field(default_factory=set)
    # Before the call is made, and once it is answered.
    deleting: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)
    # Tweets whose events nobody could handle for a time: an auditor rightly counted that.
    dead: set[int] = field(default_factory=set)
    # Of every reply.
    parents: dict[int, int] = field(default_factory=dict)
    likers: dict[int, set[int]] = field(default_factory=dict)
    done: int = 0
    shifts: int = 0
    # Others that a bar signed up: they stay logged in as well.
    guests: list[Person] = field(default_factory=list)

    @asynccontextmanager
    async def at_work(self, *, workers: int, acts: Sequence[str], pause: float = 0.0) -> AsyncIterator[None]:
        """`workers` of them act until the block ends, each alone on what is theirs, and finish what they are at.

        An act is post, reply, delete, tidy, follow, unfollow, like, unlike or read; named twice it is twice as likely.
        Who tidies deletes one of all but their latest. After each they wait for `pause` seconds.
        """
        is_over = False
        self.shifts += 1
        shift = f"{self.seed}/{self.shifts}"

        async def work(worker: int) -> None:
            chance = random.Random(f"{shift}/{worker}")
            own = self.everybody[worker::workers]
            while not is_over:
                await getattr(self, f"_{chance.choice(acts)}")(chance.choice(own), chance)
                await asyncio.sleep(pause)

        async with asyncio.TaskGroup() as group:
            for worker in range(min(workers, len(self.everybody))):
                group.create_task(work(worker))
            yield
            is_over = True

    def have_done(self, enough: int) -> bool:
        """Whether so many acts were answered."""
        return self.done >= enough

    async def _post(self, person: Person, chance: random.Random, *, reply_to: int = 0) -> None:
        text = f"marker {chance.getrandbits(64):x}."
        body: dict[str, object] = {"content": text}
        if reply_to:
            body["inReplyToTweetId"] = str(reply_to)
        self.attempted.add(text)
        answer = await self._insist("POST", "/v1/tweets", body, by=person, key=f"key-{text[7:-1]}")
        if answer is not None:
            tweet = int(answer["tweet"]["tweetId"])
            self.history.posted(person, tweet, text)
            if reply_to:
                self.parents[tweet] = reply_to

    async def _reply(self, person: Person, chance: random.Random) -> None:
        latest = self._latest()
        await self._post(person, chance, reply_to=chance.choice(latest) if latest else 0)

    async def _tidy(self, person: Person, chance: random.Random) -> None:
        await self._delete(person, chance, keep=KEPT)

    async def _delete(self, person: Person, chance: random.Random, *, keep: int = 0) -> None:
        if own := self.history.tweets_of(person)[keep:]:
            tweet = chance.choice(own)
            self.deleting.add(tweet)
            assert await self._insist("DELETE", f"/v1/tweets/{tweet}", by=person) is not None
            self.history.deleted(tweet)
            self.deleted.add(tweet)

    async def _follow(self, person: Person, chance: random.Random) -> None:
        other = chance.choice(self.everybody)
        if other is not person:
            assert await self._insist("PUT", f"/v1/users/{other.user_id}/follow", {}, by=person) is not None
            self.history.followed(person, other)

    async def _unfollow(self, person: Person, chance: random.Random) -> None:
        other = chance.choice(self.everybody)
        if other is not person:
            assert await self._insist("DELETE", f"/v1/users/{other.user_id}/follow", by=person) is not None
            self.history.unfollowed(person, other)

    async def _like(self, person: Person, chance: random.Random) -> None:
        if latest := self._latest():
            tweet = chance.choice(latest)
            if await self._insist("PUT", f"/v1/tweets/{tweet}/like", {}, by=person) is not None:
                self.likers.setdefault(tweet, set()).add(person.user_id)

    async def _unlike(self, person: Person, chance: random.Random) -> None:
        if latest := self._latest():
            tweet = chance.choice(latest)
            if await self._insist("DELETE", f"/v1/tweets/{tweet}/like", by=person) is not None:
                self.likers.setdefault(tweet, set()).discard(person.user_id)

    async def _read(self, person: Person, _chance: random.Random) -> None:
        await self._insist("GET", "/v1/timelines/home?page_size=20", by=person)

    async def _insist(
        self, method: str, target: str, body: object = None, *, by: Person, key: str = ""
    ) -> dict[str, Any] | None:
        """The answer of a call, repeated under its key while its outcome is not known; None when the tweet is gone."""
        answer = await self.api.settle(method, target, body, by=by, key=key)
        self.done += 1
        assert answer.status < 300 or answer.status == NOT_FOUND, f"{method} {target}: {answer}"
        return answer.json if answer.status < 300 else None

    def _latest(self) -> list[int]:
        return sorted(self.history.texts())[-LATEST:]


@asynccontextmanager
async def people_of(run: Run, *, count: int, followed_by_each: int, flags: Sequence[str] = ()) -> AsyncIterator[People]:
    """A mesh on the run's store, and so many people who follow each other and have read their timelines."""
    chance = random.Random(f"{run.seed}/people")
    if run.prepared is not None:
        copy_prepared(run.prepared, run.folder / "data")
    with running_mesh(run.folder / "data", "--store", run.store, *AUDITING, *flags) as mesh:
        async with open_api(mesh.edge, connections=CONNECTIONS, log=run.calls) as api:
            story = Story(api)
            everybody: list[Person] = []
            while len(everybody) < count:  # a password's hash is dear: all at once would take longer than a call may
                everybody += await actions.sign_up_many(api, min(SIGNED_UP_AT_ONCE, count - len(everybody)))
            for person in everybody:
                await story.follow(person, *chance.sample(everybody, followed_by_each))
            await story.comes_true(everybody)
            people = People(mesh, api, story.history, everybody, run.seed)
            async with background(_stay_logged_in(people), name="logging in again"):
                yield people


async def _stay_logged_in(people: People) -> None:
    """One after the other, so that each has a new token long before the old one expires."""
    await asyncio.sleep(LOGGED_IN_EVERY_SECONDS)
    while True:
        for person in (present := [*people.everybody, *people.guests]):
            # With the API that people have now: a bar may start another mesh.
            await actions.log_in(people.api, person)
            await asyncio.sleep(LOGGED_IN_EVERY_SECONDS / len(present))

"""Somebody who does what leads to the rarer failpoints, and sees at any moment whether what was answered is so."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.chaos.people import People
from tests.mesh.support import actions
from tests.mesh.support.api import Person
from tests.mesh.support.history import History
from tests.support.wait_until import wait_until

REST_SECONDS = 0.4
EVICTED_AT_ONCE = 3
# Of tweets whose fan-out waits for a lost confirmation.
HEALED_SECONDS = 100.0


class Witness:
    """Somebody who sees at any moment that what was answered is so. Every post is repeated under its key.

    One reader follows, does nothing else, and has a timeline that is never evicted: it has what was pushed, and nothing
    that a rebuild, a later follow or a change of class has mended.
    """

    def __init__(self, people: People, person: Person, reader: Person, chance: random.Random) -> None:
        self.checks = 0
        self._api = people.api
        self._person = person
        self._reader = reader
        self._chance = chance
        self._history = History()
        self._redis: Redis = Redis.from_url(people.mesh.find("redis")["address"])

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Until the block ends; then timelines and counts must become exact."""
        is_over = False

        async def keep(act: Callable[[], Awaitable[None]]) -> None:
            while not is_over:
                await act()
                await asyncio.sleep(REST_SECONDS)

        await actions.follow(self._api, self._reader, self._person)
        self._history.followed(self._reader, self._person)
        await actions.home(self._api, self._reader)
        async with self._redis, asyncio.TaskGroup() as group:
            for act in (self._post, self._look, self._join, self._rename, self._evict):
                group.create_task(keep(act))
            yield
            is_over = True
        for viewer in (self._person, self._reader):
            expected = self._history.home_of(viewer)
            await actions.home_becomes(self._api, viewer, expected, at_most=HEALED_SECONDS)
        await wait_until(self._are_counted, at_most=HEALED_SECONDS)

    async def all_was_pushed(self) -> None:
        """What was posted up to now reaches the reader."""
        posted = self._history.home_of(self._reader)
        missing = set(posted)

        async def is_there() -> bool:
            missing.difference_update(await actions.home(self._api, self._reader))
            return not missing

        with suppress(AssertionError):
            await wait_until(is_there, at_most=HEALED_SECONDS)
        assert not missing, f"{len(missing)} of {len(posted)} tweets were never pushed: {sorted(missing)[:5]}"

    async def _are_counted(self) -> bool:
        found = await self._api.get(f"/v1/users/{self._person.user_id}")
        counts = found["user"]["counts"]
        return (counts["tweetsCount"], counts["followersCount"]) == (len(self._history.texts()), 1)

    async def check(self) -> None:
        """A post is taken, and all that were are there."""
        await self._post()
        await self._look()

    async def _post(self) -> None:
        key, text = secrets.token_hex(8), f"witnessed {secrets.token_hex(6)}"
        tweet = await actions.post(self._api, self._person, text, key=key)
        self._history.posted(self._person, tweet, text)
        again = await actions.post(self._api, self._person, text, key=key)
        assert again == tweet, f"one key, two tweets: {tweet}, {again}"

    async def _look(self) -> None:
        """All that was answered before is there, once; and a timeline shows nothing twice that nobody wrote."""
        before = set(self._history.texts())
        listed = await actions.walk(self._api, f"/v1/users/{self._person.user_id}/tweets", "tweets", page_size=100)
        ids = [int(tweet["tweetId"]) for tweet in listed]
        assert len(ids) == len(set(ids)), f"listed twice: {ids}"
        assert before <= set(ids), f"acknowledged and not listed: {before - set(ids)}"
        page = await self._api.get("/v1/timelines/home?page_size=50", by=self._person)
        shown = [int(item["tweet"]["tweetId"]) for item in page["items"]]
        assert shown == sorted(set(shown), reverse=True), f"twice, or in no order: {shown}"
        self.checks += 1

    async def _join(self) -> None:
        """A stranger signs up, follows the witness, and is known from then on."""
        newcomer = await actions.sign_up(self._api, "newcomer")
        await actions.follow(self._api, newcomer, self._person)
        await actions.unfollow(self._api, newcomer, self._person)
        found = await self._api.get(f"/v1/users/{newcomer.user_id}")
        assert found["user"]["username"] == newcomer.username, found

    async def _rename(self) -> None:
        name = f"Witness {secrets.token_hex(3)}"
        await self._api.insist("PATCH", "/v1/me", {"displayName": name}, by=self._person)
        found = await self._api.get(f"/v1/users/{self._person.user_id}")
        assert found["user"]["displayName"] == name, found

    async def _evict(self) -> None:
        """As a full Redis does: timelines, lists of pulled authors, and own bodies, of which none is a tombstone."""
        with suppress(RedisError, OSError):  # it was killed just now
            steady = f":{self._reader.user_id}".encode()
            keys = [key async for key in self._redis.scan_iter(match="tl:*", count=500) if not key.endswith(steady)]
            keys += [key async for key in self._redis.scan_iter(match="author:*", count=500)]
            own = sorted(self._history.texts())[-EVICTED_AT_ONCE:]
            some = self._chance.sample(keys, min(len(keys), EVICTED_AT_ONCE))
            await self._redis.unlink("nothing", *some, *(f"tweet:{tweet}" for tweet in own))

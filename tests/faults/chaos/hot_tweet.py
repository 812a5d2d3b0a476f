"""F20: everybody likes one tweet, many of them twice at once, some take it back, and anything is killed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mesh.clock import SystemClock
from mesh.keys import read_signing_key
from mesh.signing import USER_TOKEN_SIGNER, sign_access_token
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.blows import killing
from tests.faults.chaos.judge import HEALED_SECONDS
from tests.faults.chaos.lag import tell_lag
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.striking import strike
from tests.faults.posting import in_flight
from tests.mesh.support.actions import walk
from tests.mesh.support.api import Person
from tests.support.wait_until import wait_until
from user_svc.tokens import SCOPES

LIKERS = Amount(300, 1_000, 5_000)
KILLS = Amount(1, 3, 5)
AT_ONCE = 16
# Ids that no account has: a like asks for no account.
FIRST_LIKER = 10_000_000


async def like_one_tweet(run: Run) -> None:
    """The count is exactly that of those who like it in the end, and the list names exactly them."""
    async with people_of(run, count=2, followed_by_each=1) as people:
        author, viewer = people.everybody
        answer = await people.api.insist("POST", "/v1/tweets", {"content": "hot"}, by=author, key="hot")
        hot, likers = _Hot(people, int(answer["tweet"]["tweetId"])), LIKERS.at(run.scale)
        async with asyncio.TaskGroup() as group:
            group.create_task(in_flight(range(likers), hot.act, at_once=AT_ONCE))
            await strike(
                run,
                people.mesh,
                killing("engagement_svc"),
                times=KILLS.at(run.scale),
                progress=lambda: hot.acted,
                enough=likers,
            )
        right = {FIRST_LIKER + number for number in range(likers) if _likes_it(number)}
        seen: dict[str, float] = {}

        async def is_exact() -> bool:
            listed = await walk(people.api, f"/v1/tweets/{hot.tweet_id}/likes", "likes", by=viewer, page_size=100)
            ids = [int(like["userId"]) for like in listed]
            tweet = await people.api.get(f"/v1/tweets/{hot.tweet_id}", by=viewer)
            count = tweet["tweet"]["counts"]["likesCount"]
            seen.update(counted=count, listed=len(ids), right=len(right))
            return count == len(right) and len(ids) == len(right) and set(ids) == right

        exact = True
        try:
            await wait_until(is_exact, at_most=HEALED_SECONDS)
        except AssertionError:
            exact = False
        run.figures |= {"likers": likers, "calls": hot.calls, "repeats": len(people.api.failures), **seen}
        await asyncio.to_thread(tell_lag, people.mesh, run)
        run.expect("count and list are those who like it", seen, is_so=exact)


@dataclass
class _Hot:
    people: People
    tweet_id: int
    acted: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        keys = self.people.mesh.data_dir / "keys"
        self._key = read_signing_key(USER_TOKEN_SIGNER, keys / f"{USER_TOKEN_SIGNER}.pem")

    async def act(self, number: int) -> None:
        """One liker does what it does, each thing twice at the same moment."""
        user_id = FIRST_LIKER + number
        token = sign_access_token(self._key, user_id=user_id, clock=SystemClock(), scopes=SCOPES)
        liker = Person(f"liker-{number}", user_id, token)
        for method in ("PUT", "DELETE", "PUT")[: _acts_of(number)]:
            await asyncio.gather(self._set(method, liker), self._set(method, liker))
        self.acted += 1

    async def _set(self, method: str, liker: Person) -> None:
        body: object = {} if method == "PUT" else None
        await self.people.api.insist(method, f"/v1/tweets/{self.tweet_id}/like", body, by=liker)
        self.calls += 1


def _acts_of(number: int) -> int:
    """Every fourth takes the like back, every eighth then likes it again."""
    return 1 if number % 4 else 2 if number % 8 else 3


def _likes_it(number: int) -> bool:
    return _acts_of(number) != 2

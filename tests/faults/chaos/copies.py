"""F18: eight copies of each post at once under one key, while anything is killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from dev_mesh.http_client import NoAnswer
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.blows import kill_anything
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.striking import strike
from tests.faults.posting import in_flight
from tests.mesh.support.api import RETRY_SECONDS, UNKNOWN, Answer, Person

PEOPLE = 16
FOLLOWED_BY_EACH = 4
KEYS = Amount(60, 200, 1_000)
KILLS = Amount(3, 8, 20)
COPIES = 8
KEYS_AT_ONCE = 4
AGAIN_AFTER_SECONDS = 0.1
REFUSED = (400, "REQUEST_ID_REUSED")


async def copy_posts(run: Run) -> None:
    """One tweet for each key, one id in all answers; the key with another body is refused; and never a 500."""
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people:
        copies, keys = _Copies(run, people), KEYS.at(run.scale)
        async with asyncio.TaskGroup() as group:
            group.create_task(in_flight(range(keys), copies.post, at_once=KEYS_AT_ONCE))
            await strike(
                run,
                people.mesh,
                kill_anything,
                times=KILLS.at(run.scale),
                progress=lambda: copies.keys,
                enough=keys,
            )
        run.figures |= {"keys": keys, "calls": copies.statuses.total(), "without an answer": copies.statuses[0]}
        run.figures["replayed"] = copies.replayed
        run.figures["status 500"] = copies.statuses[500]
        run.expect("answers of 500", copies.statuses, is_so=not copies.statuses[500])
        run.expect("keys with several ids", copies.with_several_ids, is_so=not copies.with_several_ids)
        run.expect("another body under the same key", copies.not_refused, is_so=not copies.not_refused)
        run.expect("a copy was answered as a repeat", copies.replayed, is_so=copies.replayed > 0)
        await judge(people, run)


@dataclass
class _Copies:
    run: Run
    people: People
    keys: int = 0
    replayed: int = 0
    # 0 for a call without an answer.
    statuses: Counter[int] = field(default_factory=Counter)
    with_several_ids: list[tuple[int, ...]] = field(default_factory=list)
    not_refused: list[Answer] = field(default_factory=list)

    async def post(self, number: int) -> None:
        """All copies of one key, and then the key with another body."""
        person = self.people.everybody[number % PEOPLE]
        text, key = f"copied {self.run.seed} {number}", f"copied-{number}"
        self.people.attempted.add(text)
        copies = (self._settle(text, by=person, key=key) for _ in range(COPIES))
        answers = await asyncio.gather(*copies)
        ids = {int(answer.json["tweet"]["tweetId"]) for answer in answers if answer.status < 300}
        self.replayed += sum("idempotency-replayed" in answer.headers for answer in answers)
        if len(ids) != 1 or any(answer.status >= 300 for answer in answers):
            self.with_several_ids.append((number, *ids, *(answer.status for answer in answers)))
        else:
            self.people.history.posted(person, ids.pop(), text)
        other = await self._settle(f"{text}, and more", by=person, key=key)
        if (other.status, other.reason) != REFUSED:
            self.not_refused.append(other)
        self.keys += 1

    async def _settle(self, text: str, *, by: Person, key: str) -> Answer:
        """The first answer that says what became of it; every other is counted."""
        clock, chance = SystemClock(), random.Random(f"{key}/{text}")
        deadline = clock.monotonic() + RETRY_SECONDS
        while clock.monotonic() < deadline:
            try:
                answer = await self.people.api.call("POST", "/v1/tweets", {"content": text}, by=by, key=key)
            except NoAnswer:
                self.statuses[0] += 1
            else:
                self.statuses[answer.status] += 1
                if answer.status not in UNKNOWN:
                    return answer
            await asyncio.sleep(AGAIN_AFTER_SECONDS * chance.random())
        raise AssertionError(f"no answer to {key} in {RETRY_SECONDS} s")

"""F25: people walk through lists page by page while others post and delete."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial

from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.striking import LONGEST_SECONDS
from tests.faults.posting import in_flight
from tests.mesh.support.actions import walk
from tests.support.wait_until import wait_until

PEOPLE = Amount(20, 50, 200)
FOLLOWED_BY_EACH = 6
WALKS = Amount(30, 100, 1_000)
WALKERS = 3
WORKERS = 3
ACTS = ("post", "post", "reply", "delete")
PAGE_SIZES = (7, 20, 50)
# So many posts before the first walk.
POSTED_FIRST = 8


async def walk_lists(run: Run) -> None:
    """No id twice, all in falling order, and whatever was there before a walk and after it is in it."""
    async with people_of(run, count=PEOPLE.at(run.scale), followed_by_each=FOLLOWED_BY_EACH) as people:
        walks = _Walks(people, random.Random(f"{run.seed}/{run.bar}"))
        first = PEOPLE.at(run.scale) * POSTED_FIRST
        async with people.at_work(workers=WORKERS, acts=("post",)):
            await wait_until(partial(people.have_done, first), at_most=LONGEST_SECONDS)
        async with people.at_work(workers=WORKERS, acts=ACTS):
            await in_flight(range(WALKS.at(run.scale)), walks.walk_twice, at_once=WALKERS)
        run.figures |= {"acts": people.done, "walks": walks.walks, "items": walks.items}
        run.figures |= {"deleted": len(people.deleted), "ids of the walk before that were gone": walks.gone}
        for what, found in walks.wrong.items():
            run.figures[what] = len(found)
            run.expect(what, found, is_so=not found)
        await judge(people, run)


@dataclass
class _Walks:
    people: People
    chance: random.Random
    walks: int = 0
    items: int = 0
    gone: int = 0
    wrong: dict[str, list[str]] = field(default_factory=lambda: {"not falling": [], "left out": []})

    async def walk_twice(self, number: int) -> None:
        """What the first walk shows is there; the second must show it too, unless somebody began to delete it."""
        person = self.chance.choice(self.people.everybody)
        target, items = "/v1/timelines/home", "items"
        if number % 3 == 0:
            target, items = f"/v1/users/{person.user_id}/tweets", "tweets"
        before: list[int] = []
        for _ in range(2):
            size = self.chance.choice(PAGE_SIZES)
            found = await walk(self.people.api, target, items, by=person, page_size=size)
            ids = [int((item["tweet"] if items == "items" else item)["tweetId"]) for item in found]
            gone = set(before) - set(ids)
            left_out = gone - self.people.deleting
            name = f"{target} of {person.user_id} in pages of {size}"
            self.walks += 1
            self.items += len(ids)
            self.gone += len(gone)
            if ids != sorted(set(ids), reverse=True):
                self.wrong["not falling"].append(name)
            if left_out:
                self.wrong["left out"].append(f"{name}: {sorted(left_out)[:3]} of {len(before)}")
            before = ids
            await asyncio.sleep(0)

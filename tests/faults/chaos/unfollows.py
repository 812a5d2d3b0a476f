"""F22: people unfollow while everybody posts, and look at their pages a second later."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.blows import killing
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.striking import strike
from tests.mesh.support.api import Person
from tests.support.wait_until import wait_until

PEOPLE = Amount(20, 50, 200)
FOLLOWED_BY_EACH = 6
SAMPLES = Amount(100, 500, 10_000)
KILLS = Amount(1, 3, 10)
POSTERS = 2
# From here on an unfollowed author must not be shown.
AFTER_SECONDS = 1.0
PAGE_SIZES = (10, 20, 50)
PAGES = 3
SHOWN_SECONDS = 60.0


async def unfollow_and_look(run: Run) -> None:
    """No page that is asked for a second after the answer shows the author; all is right again after the follow."""
    async with people_of(run, count=PEOPLE.at(run.scale), followed_by_each=FOLLOWED_BY_EACH) as people:
        looks = _Looks(people, SAMPLES.at(run.scale))
        async with people.at_work(workers=POSTERS, acts=("post",)), asyncio.TaskGroup() as group:
            for number, person in enumerate(people.everybody):
                group.create_task(looks.of(person, random.Random(f"{run.seed}/looks/{number}")))
            await strike(
                run,
                people.mesh,
                killing("timeline_svc-work"),
                times=KILLS.at(run.scale),
                progress=lambda: looks.samples,
                enough=looks.enough,
            )
        run.figures |= {
            "samples": looks.samples,
            "pages": looks.pages,
            "shown": looks.shown,
            "stale pages": looks.stale,
        }
        run.expect("most pages are not stale", looks.stale, is_so=looks.stale * 10 < looks.pages)
        run.expect("an unfollowed author is shown", looks.shown, is_so=not looks.shown)
        await judge(people, run)


@dataclass
class _Looks:
    people: People
    enough: int
    samples: int = 0
    pages: int = 0
    shown: int = 0
    stale: int = 0

    async def of(self, person: Person, chance: random.Random) -> None:
        """One after the other, until there are enough of everybody's."""
        api, clock = self.people.api, SystemClock()
        while self.samples < self.enough:
            author = await self._somebody_shown(person, chance)
            assert (await api.settle("DELETE", f"/v1/users/{author}/follow", by=person)).status < 300
            answered = clock.monotonic()
            await asyncio.sleep(answered + AFTER_SECONDS - clock.monotonic())
            token, size = "", chance.choice(PAGE_SIZES)
            for _ in range(PAGES):
                page = await api.get(f"/v1/timelines/home?page_size={size}&page_token={token}", by=person)
                self.pages += 1
                # A page that says so may be of the follows of a moment ago.
                is_stale = "STALE_CONTEXT" in str(page["degraded"])
                self.stale += is_stale
                self.shown += not is_stale and any(item["tweet"]["userId"] == author for item in page["items"])
                if not (token := page["nextPageToken"]):
                    break
            self.samples += 1
            assert (await api.settle("PUT", f"/v1/users/{author}/follow", {}, by=person)).status < 300

    async def _somebody_shown(self, person: Person, chance: random.Random) -> str:
        """An author on the person's first page: a look at a page that never had them would say nothing."""
        authors: set[str] = set()

        async def are_there() -> bool:
            page = await self.people.api.get("/v1/timelines/home?page_size=50", by=person)
            authors.update(item["tweet"]["userId"] for item in page["items"])
            authors.discard(str(person.user_id))
            return bool(authors)

        await wait_until(are_there, at_most=SHOWN_SECONDS)
        return chance.choice(sorted(authors))

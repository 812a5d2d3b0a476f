"""The bar of the failpoints: at each a process dies, at the first try and the next, or the step fails; then pairs."""

from __future__ import annotations

import asyncio
import random

from mesh.background import background
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.failpoint_acts import Witness
from tests.faults.chaos.failpoint_pairs import pause_at_each
from tests.faults.chaos.failpoint_plan import AFTER_A_DEATH, plan
from tests.faults.chaos.failpoint_rounds import TRIES, die_at, fail_at, keep_running
from tests.faults.chaos.judge import judge
from tests.faults.chaos.own_process import in_place_of
from tests.faults.chaos.people import People, people_of
from tests.mesh.support.actions import sign_up_many

CHURN = ("follow", "unfollow")
ACTS = ("post", "post", "reply", "delete", *CHURN, *CHURN, *CHURN, *CHURN, "like", "unlike", "read", "read")
PEOPLE = Amount(20, 20, 50)
FOLLOWED_BY_EACH = 9
WORKERS = 2
# Two processes at a time, of which neither needs the other.
AT_ONCE = (("tweet_svc", "user_svc"), ("graph_svc", "engagement_svc"), ("timeline_svc", "timeline_svc-work"))
# So many points of each process; 0 is the whole plan. On Cassandra a process takes three times as long to start.
POINTS = {"sqlite": Amount(2, 0, 0), "cassandra": Amount(2, 9, 0)}
# At one in so many of them, by the seed, the step fails as well.
FAILS_AT_ONE_OF = Amount(1, 3, 1)
PAIRS_OF_EACH_PROCESS = {"sqlite": Amount(1, 10, 40), "cassandra": Amount(1, 5, 40)}
# Then a process is left alone for a moment: a call that finds it away is repeated for 60 s, and must be answered.
STRUCK_SECONDS = 15.0
# Between two acts of a worker: what starts again needs its share of the machine.
PAUSE_SECONDS = 0.03
# Authors change their class all the time: everybody is followed by about that many.
FLAGS = (
    *("--set", "AVIARY_GRAPH_PULL_THRESHOLD=10"),
    *("--set", "AVIARY_GRAPH_PULL_BACK=9"),
    *("--set", "AVIARY_GRAPH_BOTH_SECONDS=0.5"),
)


def at_failpoints(number: str, title: str) -> Bar:
    """A bar that goes through the whole plan of its store."""
    return Bar(number, title, _hold)


async def _hold(run: Run) -> None:
    chance = random.Random(f"{run.seed}/{run.bar}")
    struck = plan(run.store)
    run.figures |= {"failpoints": 0, "deaths": 0, "failures": 0, "pairs": 0}
    count = PEOPLE.at(run.scale)
    async with people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH, flags=FLAGS) as people:
        person, reader = people.guests = await sign_up_many(people.api, 2, "witness")
        witness = Witness(people, person, reader, chance)
        async with witness.at_work(), people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            for together in AT_ONCE:
                async with asyncio.TaskGroup() as group:
                    for name in together:
                        most = POINTS[run.store].at(run.scale)
                        points = _sample(struck[name], most, chance) if most else struck[name]
                        failing = _sample(points, -(-len(points) // FAILS_AT_ONE_OF.at(run.scale)), chance)
                        group.create_task(_strike(run, people, witness, name, points, failing))
            # Before Redis is emptied: a timeline that is made anew has everything.
            await witness.all_was_pushed()
            for together in AT_ONCE:
                async with asyncio.TaskGroup() as group:
                    for name in together:
                        points = _sample(struck[name], PAIRS_OF_EACH_PROCESS[run.store].at(run.scale), chance)
                        group.create_task(_pair(run, people, name, points, random.Random(f"{run.seed}/{name}")))
        run.figures["acts"] = people.done
        run.figures["checks meanwhile"] = witness.checks
        await judge(people, run)


async def _strike(run: Run, people: People, witness: Witness, name: str, points: list[str], failing: list[str]) -> None:
    """One point after the other; after the last, and every so often, what must hold is looked at undisturbed."""
    clock = SystemClock()
    began = rested = clock.monotonic()
    async with in_place_of(people.mesh, name) as process:
        for point in points:
            await die_at(process, point)
            if point in failing:
                await fail_at(process, point)
            run.figures["failpoints"] += 1
            run.figures["deaths"] += TRIES
            run.figures["failures"] += TRIES * (point in failing)
            if point == points[-1] or clock.monotonic() > rested + STRUCK_SECONDS:
                async with background(keep_running(process), name=f"{name} starts again"):
                    await process.until_ready()
                    await witness.check()
                rested = clock.monotonic()
    run.say(f"{name}: {len(points)} failpoints in {clock.monotonic() - began:.0f} s")


async def _pair(run: Run, people: People, name: str, points: list[str], chance: random.Random) -> None:
    async with in_place_of(people.mesh, name) as process:
        pairs = await pause_at_each(people.mesh, process, points, chance)
    run.figures["pairs"] += len(pairs)
    run.say(f"{name}: {', '.join(pairs)}")


def _sample(points: list[str], most: int, chance: random.Random) -> list[str]:
    """So many of them at most, in their order."""
    some = [point for point in points if point not in AFTER_A_DEATH]
    chosen = set(chance.sample(some, min(most, len(some))))
    return [point for point in some if point in chosen]

"""F40: an ordinary load and no blow: no event loop of a process is held up for long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.lag import lags_of, p99_since
from tests.faults.chaos.own_process import in_place_of
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.samples import HARNESS, Samples, sampled
from tests.faults.chaos.soak import ACTS, FOLLOWED_BY_EACH, PAUSE_SECONDS, PEOPLE, WORKERS

SECONDS = Amount(20, 60, 600)
SAMPLED_EVERY_SECONDS = 1.0
P99_MS = Amount(50, 50, 20)
LARGEST_MS = Amount(250, 250, 100)
# The control: a process that does nothing else for so long at each post, and must be found late.
HELD_SECONDS = 8.0
HELD_UP = ("tweet_svc", "post.committed:delay:300")


async def load_and_look(run: Run) -> None:
    """Of all looks 99 in 100 find each loop in time, and none finds it very late; a loop that is held up is found."""
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people:
        async with (
            people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS),
            sampled(people.mesh, every=SAMPLED_EVERY_SECONDS) as samples,
        ):
            await asyncio.sleep(SECONDS.at(run.scale))
        run.figures["acts"] = people.done
        judge_lag(samples, run, p99_ms=P99_MS.at(run.scale), largest_ms=LARGEST_MS.at(run.scale))
        await _hold_one_up(people, run)
        await judge(people, run)


def judge_lag(samples: Samples, run: Run, *, p99_ms: float, largest_ms: float) -> None:
    """No loop was later than that, or than the loop of this process at the same time: others may use the machine."""
    machine = {look.seconds: look.lag_ms or 0.0 for look in samples.of[HARNESS]}
    p99s = {name: p99_since(samples.first[name], counts) for name, counts in samples.last.items()}
    for name, p99 in p99s.items():
        looks = [(look.seconds, look.lag_ms) for look in samples.of[name] if look.lag_ms is not None]
        run.figures[f"{name} p99 ms"], run.figures[f"{name} largest ms"] = p99, max(lag for _, lag in looks)
        if name == HARNESS:
            continue
        late = [(at, lag) for at, lag in looks if lag > max(largest_ms, _around(machine, at))]
        run.expect(f"{name}: the 99th of a hundred lags, ms", p99, is_so=p99 <= max(p99_ms, p99s[HARNESS]))
        run.expect(f"{name}: the largest lags, s and ms", late, is_so=not late)


def _around(machine: Mapping[float, float], seconds: float) -> float:
    """The largest lag of this process at a look and its neighbours: what it saw before, another may see after it."""
    return max(lag for at, lag in machine.items() if abs(at - seconds) < 2 * SAMPLED_EVERY_SECONDS)


async def _hold_one_up(people: People, run: Run) -> None:
    name, failpoints = HELD_UP
    async with in_place_of(people.mesh, name) as own:
        await own.start(failpoints)
        await own.until_ready()
        before = await asyncio.to_thread(lags_of, people.mesh)
        async with people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            await asyncio.sleep(HELD_SECONDS)
        p99 = p99_since(before[name], (await asyncio.to_thread(lags_of, people.mesh))[name])
    run.figures["held up p99 ms"] = p99
    run.expect("control: a loop that is held up is late", p99, is_so=p99 > P99_MS.at(run.scale))

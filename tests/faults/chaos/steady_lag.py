"""F40: an ordinary load and no blow: no event loop of a process is held up for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.lag import Counts, between, lags_of, looks_in, p99_of, together
from tests.faults.chaos.own_process import in_place_of
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.samples import HARNESS, Sample, Samples, sampled
from tests.faults.chaos.soak import ACTS, FOLLOWED_BY_EACH, PAUSE_SECONDS, PEOPLE, WORKERS

SECONDS = Amount(20, 60, 600)
SAMPLED_EVERY_SECONDS = 1.0
P99_MS = Amount(50, 50, 20)
LARGEST_MS = Amount(250, 250, 100)
# With fewer than a hundred it is the largest that is judged.
LEAST_LOOKS = 50
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
    """No loop was later than that, or not by its own fault: others may use the machine.

    A loop that was is judged by the other seconds: those in which its thread did not stand ready for so long while
    others had the cores, and the loop of this process was not as late. Enough must remain.
    """
    harness = samples.of.get(HARNESS, [])
    for name, looks in samples.of.items():
        if name == HARNESS or not any(samples.lags[name]):
            continue
        fair: list[Counts] = []
        late: list[tuple[float, float]] = []
        # The first look is at all since the process began.
        for at in range(1, len(looks)):
            machine = max(looks[at - 1].waited_ms + looks[at].waited_ms, _largest(harness[at - 1 : at + 2]))
            if machine <= p99_ms:
                fair.append(samples.lags[name][at])
            lag = looks[at].lag_ms or 0.0
            if lag > largest_ms >= machine:
                late.append((looks[at].seconds, lag))
        all_of_them, judged = together(samples.lags[name][1:]), together(fair)
        run.figures[f"{name} p99 ms"], run.figures[f"{name} largest ms"] = p99_of(all_of_them), _largest(looks[1:])
        run.figures[f"{name} looks that were fair, per cent"] = round(100 * looks_in(judged) / looks_in(all_of_them))
        p99, remaining = p99_of(all_of_them), looks_in(judged)
        if p99 > p99_ms and remaining >= LEAST_LOOKS:
            p99 = p99_of(judged)
        run.expect(f"{name}: the 99th of a hundred lags, ms; fair looks", (p99, remaining), is_so=p99 <= p99_ms)
        run.expect(f"{name}: the largest lags, s and ms", late, is_so=not late)
    if harness:
        run.figures["harness largest ms"] = _largest(harness[1:])


def _largest(looks: Sequence[Sample]) -> float:
    return max((look.lag_ms or 0.0 for look in looks), default=0.0)


async def _hold_one_up(people: People, run: Run) -> None:
    name, failpoints = HELD_UP
    async with in_place_of(people.mesh, name) as own:
        await own.start(failpoints)
        await own.until_ready()
        before = await asyncio.to_thread(lags_of, people.mesh)
        async with people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            await asyncio.sleep(HELD_SECONDS)
        p99 = p99_of(between(before[name], (await asyncio.to_thread(lags_of, people.mesh))[name]))
    run.figures["held up p99 ms"] = p99
    run.expect("control: a loop that is held up is late", p99, is_so=p99 > P99_MS.at(run.scale))

"""F40: an ordinary load and no blow: no event loop of a process is held up for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.lag import between, lags_of, later_than, looks_in, p99_of, together
from tests.faults.chaos.own_process import in_place_of
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.samples import HARNESS, Sample, Samples, sampled
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
    """Of a hundred looks at a loop at most one found it later than that by its own fault, and none much later.

    Others may use the machine. One look in a second is theirs for each time that the thread of the loop stood ready for
    so long in that second and the one before, while others had the cores. A largest lag is also theirs when the loop of
    this process was as late at the same time.
    """
    harness = samples.of.get(HARNESS, [])
    for name, looks in samples.of.items():
        if name == HARNESS or not any(samples.lags[name]):
            continue
        own: list[float] = []
        late: list[tuple[float, float]] = []
        # The first look is at all since the process began.
        for at in range(1, len(looks)):
            waited = looks[at - 1].waited_ms + looks[at].waited_ms
            own.append(max(0, later_than(p99_ms, samples.lags[name][at]) - waited // p99_ms))
            lag = looks[at].lag_ms or 0.0
            if lag > largest_ms >= max(waited, _largest(harness[at - 1 : at + 2])):
                late.append((looks[at].seconds, lag))
        every = together(samples.lags[name][1:])
        share = 100 * sum(own) / looks_in(every)
        run.figures[f"{name} p99 ms"], run.figures[f"{name} largest ms"] = p99_of(every), _largest(looks[1:])
        run.figures[f"{name} late by its own fault, per cent"] = round(share, 2)
        run.expect(f"{name}: looks that found it {p99_ms:g} ms late, per cent", share, is_so=share <= 1)
        run.expect(f"{name}: the largest lags, s and ms", late, is_so=not late)
    if harness:
        run.figures["harness p99 ms"] = p99_of(together(samples.lags[HARNESS][1:]))
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

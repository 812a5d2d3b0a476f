"""Bars of one form: a part is away for a time, people go on at their pace, and each call is timed once."""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dev_mesh.control import ask
from dev_mesh.http_client import NoAnswer
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.judge import judge, until_quiet
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.mesh.support.api import Person
from tests.mesh.support.running_mesh import RunningMesh

PAUSE_SECONDS = 0.2
PAGE_SECONDS = 1.0
PAGE_SIZE = 20
# What was acknowledged so long ago must be on a page that claims to be whole; so long it takes to notice an outage.
SETTLED_SECONDS = 5.0
NOTICED_SECONDS = 1.0
# What a post may take, by what it took before: the median, and the 99th of a hundred. Others may use the machine: each
# may also grow as much as that of looking up an account does, which has no use for what is away. Workers do both.
FACTOR, MORE = 1.2, 0.010
CONTROL = "control"
# The repeats of what failed come at growing intervals.
DONE_SECONDS = 30.0
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Outage:
    """Who is away, stopped in order or frozen; for how many seconds, and how long people are watched before."""

    part: str
    acts: tuple[str, ...]
    seconds: Amount
    before_seconds: float
    is_frozen: bool = False


@dataclass(slots=True)
class Seen:
    """What people saw in one phase: seconds that each call took, and calls that failed, by act."""

    took: dict[str, list[float]] = field(default_factory=lambda: {"post": [], "read": [], CONTROL: []})
    failed: dict[str, list[str]] = field(default_factory=lambda: {"post": [], "read": [], CONTROL: []})
    partial: list[str] = field(default_factory=list)
    degraded: int = 0


def outage(number: str, title: str, *outages: Outage) -> Bar:
    """A bar with these outages, one after the other."""
    return Bar(number, title, partial(_hold, outages))


async def _hold(outages: tuple[Outage, ...], run: Run) -> None:
    async with people_of(run, count=PEOPLE.at(run.scale), followed_by_each=FOLLOWED_BY_EACH) as people:
        for one in outages:
            await _hold_one(one, run, people)
        await judge(people, run)


async def _hold_one(one: Outage, run: Run, people: People) -> None:
    name = f"{one.part} {'frozen' if one.is_frozen else 'stopped'}"
    seconds = one.seconds.at(run.scale)
    before, during = Seen(), Seen()
    async with _at_work(one, people, before):
        await asyncio.sleep(one.before_seconds)
    await until_quiet(people)
    await _away(one, people.mesh)
    try:
        async with _at_work(one, people, during):
            await asyncio.sleep(seconds)
    finally:
        await _back(one, people.mesh)
    began = _CLOCK.monotonic()
    await until_quiet(people)
    took = _CLOCK.monotonic() - began
    run.figures[f"{name}: outbox empty after s"] = round(took, 1)
    run.expect(f"{name}: what waited is done in time", took, is_so=took <= max(seconds, DONE_SECONDS))
    for act in dict.fromkeys(one.acts):
        _compare(f"{name}: {act}", act, before, during, run)
    run.figures[f"{name}: pages that say degraded"] = during.degraded
    run.expect(f"{name}: pages that lack tweets and do not say so", during.partial, is_so=not during.partial)


def _compare(name: str, act: str, before: Seen, during: Seen, run: Run) -> None:
    failed, took = during.failed[act], during.took[act]
    total = len(took) + len(failed)
    run.figures[f"{name}s"] = total
    run.figures[f"{name}s failed"] = len(failed)
    for word, seen in (("before", before), ("during", during)):
        run.figures[f"{name} p50 ms {word}"] = round(1_000 * _percentile(seen.took[act], 50), 1)
        run.figures[f"{name} p99 ms {word}"] = round(1_000 * _percentile(seen.took[act], 99), 1)
    run.expect(
        f"{name}: they were watched", (len(before.took[act]), total), is_so=min(len(before.took[act]), total) > 50
    )
    if act == "read":
        in_time = sum(seconds <= PAGE_SECONDS for seconds in took)
        run.figures[f"{name}s within a second, per cent"] = round(100 * in_time / total, 2)
        run.expect(f"{name}: 99 % within a second", failed[:3] or max(took), is_so=in_time >= 0.99 * total)
        return
    run.expect(f"{name}: none fails", failed, is_so=not failed)
    for percent in (50, 99):
        first, last = (_percentile(seen.took[CONTROL], percent) for seen in (before, during))
        machine = max(1.0, last / first)
        run.figures[f"{name}: p{percent} of the control grew by"] = round(machine, 2)
        found, most = _percentile(took, percent), FACTOR * machine * _percentile(before.took[act], percent) + MORE
        run.expect(f"{name}: p{percent} as before", (found, most), is_so=found <= most)


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else 0.0


async def _away(one: Outage, mesh: RunningMesh) -> None:
    if one.is_frozen:
        mesh.signal(one.part, signal.SIGSTOP)
    else:
        await asyncio.to_thread(ask, mesh.data_dir, "stop", one.part)


async def _back(one: Outage, mesh: RunningMesh) -> None:
    if one.is_frozen:
        mesh.signal(one.part, signal.SIGCONT)
    else:
        await asyncio.to_thread(ask, mesh.data_dir, "start", one.part)


@asynccontextmanager
async def _at_work(one: Outage, people: People, seen: Seen) -> AsyncIterator[None]:
    """Workers who each do one act after the other until the block ends."""
    is_over = False
    people.shifts += 1
    acked: dict[int, float] = {}
    began = _CLOCK.monotonic()

    async def work(worker: int) -> None:
        chance = random.Random(f"{people.seed}/{people.shifts}/{worker}")
        own = people.everybody[worker::WORKERS]
        await asyncio.sleep(chance.uniform(0, PAUSE_SECONDS))
        while not is_over:
            person = chance.choice(own)
            if chance.choice(one.acts) == "post":
                await _post(people, person, chance, seen, acked)
            else:
                await _read(people, person, seen, acked, is_watched=_CLOCK.monotonic() > began + NOTICED_SECONDS)
            await _timed(people, CONTROL, seen, "GET", f"/v1/users/{person.user_id}", by=person)
            await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        for worker in range(WORKERS):
            group.create_task(work(worker))
        yield
        is_over = True


async def _post(people: People, person: Person, chance: random.Random, seen: Seen, acked: dict[int, float]) -> None:
    text = f"marker {chance.getrandbits(64):x}."
    people.attempted.add(text)
    call = ("POST", "/v1/tweets", {"content": text})
    answer = await _timed(people, "post", seen, *call, by=person, key=f"key-{text[7:-1]}")
    if answer is None:
        answer = await people.api.insist(*call, by=person, key=f"key-{text[7:-1]}")
    tweet = int(answer["tweet"]["tweetId"])
    people.history.posted(person, tweet, text)
    acked[tweet] = _CLOCK.monotonic()


async def _read(people: People, person: Person, seen: Seen, acked: dict[int, float], *, is_watched: bool) -> None:
    settled = _CLOCK.monotonic() - SETTLED_SECONDS
    answer = await _timed(people, "read", seen, "GET", f"/v1/timelines/home?page_size={PAGE_SIZE}", by=person)
    if answer is None or not is_watched:
        return
    shown = [int(item["tweet"]["tweetId"]) for item in answer["items"]]
    floor = shown[-1] if len(shown) == PAGE_SIZE else 0
    due = {tweet for tweet in people.history.home_of(person) if tweet > floor and acked.get(tweet, 0.0) <= settled}
    is_degraded = bool(answer.get("degraded"))
    seen.degraded += is_degraded
    if due - set(shown) and not is_degraded:
        seen.partial.append(f"{len(due - set(shown))} of {len(due)} for {person.username}")


async def _timed(
    people: People, act: str, seen: Seen, method: str, target: str, body: object = None, *, by: Person, key: str = ""
) -> Any:
    """The JSON of a call that succeeds at the first attempt; None when it does not."""
    began = _CLOCK.monotonic()
    try:
        answer = await people.api.call(method, target, body, by=by, key=key)
    except NoAnswer as failure:
        seen.failed[act].append(str(failure))
        return None
    if answer.status >= 300:
        seen.failed[act].append(f"{answer.status} after {_CLOCK.monotonic() - began:.2f} s")
        return None
    seen.took[act].append(_CLOCK.monotonic() - began)
    return answer.json

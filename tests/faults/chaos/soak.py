"""F39: an ordinary load for some time, a fifth of its calls left by their clients: nothing grows that should not."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median, median_low

import grpc

from aviary.timeline.v1.timeline_service_pb2 import ListHomeTimelineRequest
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from mesh.background import background
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.lag import surely_more
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.samples import HARNESS, Sample, Samples, sampled
from tests.mesh.support.api import Person

SECONDS = Amount(30, 300, 7_200)
PEOPLE = 24
FOLLOWED_BY_EACH = 5
# More is deleted than posted, by those who have many tweets: data does not grow, so that what grows is a leak.
ACTS = ("post", "reply", "delete", "tidy", "tidy", "follow", "unfollow", "like", "unlike", *["read"] * 5)
WORKERS = 4
PAUSE_SECONDS = 0.1
# Between two calls of those who leave: a fifth of all calls is theirs.
LEAVERS_PAUSE_SECONDS = 0.04
LONGEST_STAY_SECONDS = 0.02
SAMPLED_EVERY_SECONDS = Amount(2, 2, 5)
WARM_AFTER = 1 / 3
# They hold the data; and this process, which remembers what people did.
NOT_JUDGED = ("nats", "redis", "cassandra", HARNESS)
MOST_FILES = 8
# Of resident memory in ten minutes, once it is warm; a short run sees the steps that an allocator takes, and at the
# quick scale 1 % of them is 45 % in ten minutes.
MOST_GROWTH = Amount(100, 6, 1)
# From the first third to the last, beyond what the loop of this process is later too: others may use the machine.
MOST_MORE_LAG_MS = 50.0


async def soak(run: Run) -> None:
    """Memory, open files and loop lag of every process are flat once it is warm, and none was started again."""
    seconds, every = SECONDS.at(run.scale), SAMPLED_EVERY_SECONDS.at(run.scale)
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people:
        async with (
            sampled(people.mesh, every=every, kept=run.kept and run.kept.with_suffix(".csv")) as samples,
            _leavers(people) as left,
            people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS),
        ):
            await asyncio.sleep(seconds)
        run.figures |= {"seconds": seconds, "acts": people.done, **left}
        _judge(samples, run, warm_at=seconds * WARM_AFTER)
        _tell_stored(people, run)
        await judge(people, run)


@asynccontextmanager
async def _leavers(people: People) -> AsyncIterator[Counter[str]]:
    """Clients who ask for pages, of the edge and of the service, and mostly do not stay for the answer."""
    chance, left = random.Random(f"{people.seed}/leavers"), Counter[str]()
    async with grpc.aio.insecure_channel(f"ipv4:{people.mesh.find('timeline_svc')['address']}") as channel:
        timelines = TimelineServiceStub(channel)

        async def ask(person: Person, *, is_direct: bool) -> None:
            if is_direct:
                token = (("authorization", f"Bearer {person.token}"),)
                await timelines.ListHomeTimeline(ListHomeTimelineRequest(page_size=20), metadata=token)
            else:
                await people.api.get("/v1/timelines/home?page_size=20", by=person)

        async def leave_and_leave() -> None:
            while True:
                is_direct = chance.random() < 1 / 2
                try:
                    async with asyncio.timeout(chance.random() * LONGEST_STAY_SECONDS):
                        await ask(chance.choice(people.everybody), is_direct=is_direct)
                except TimeoutError:
                    left["left at the service" if is_direct else "left at the edge"] += 1
                await asyncio.sleep(LEAVERS_PAUSE_SECONDS)

        async with background(leave_and_leave(), name="clients who leave"):
            yield left


def _judge(samples: Samples, run: Run, *, warm_at: float) -> None:
    warm = {name: [look for look in looks if look.seconds >= warm_at] for name, looks in samples.of.items()}
    machine = max(0.0, _more_lag(HARNESS, warm[HARNESS], run))
    for name, looks in warm.items():
        first, last = _thirds(looks)
        before, after = (median(look.megabytes for look in some) for some in (first, last))
        # The middles of the first and the last third are two thirds of the time apart.
        growth = 100 * (after - before) / before * 600 / ((looks[-1].seconds - looks[0].seconds) * 2 / 3)
        files = max(look.files for look in last) - max(look.files for look in first)
        run.figures[f"{name} MB"] = round(after, 1)
        run.figures[f"{name} growth, % in 10 min"] = round(growth, 2)
        run.figures[f"{name} more files"] = files
        run.expect(f"{name}: started once", samples.pids[name], is_so=len(samples.pids[name]) == 1)
        run.expect(f"{name}: open files are flat", files, is_so=files <= MOST_FILES)
        if not name.startswith(NOT_JUDGED):
            run.expect(f"{name}: memory is flat, % in 10 min", growth, is_so=growth <= MOST_GROWTH.at(run.scale))
            more = _more_lag(name, looks, run)
            run.expect(f"{name}: lag is flat, ms more", (more, machine), is_so=more <= MOST_MORE_LAG_MS + machine)


def _more_lag(name: str, looks: list[Sample], run: Run) -> float:
    """By how much the usual largest lag between two looks grew from the first third to the last, at least."""
    first, last = (median_low(look.lag_ms for look in some if look.lag_ms is not None) for some in _thirds(looks))
    run.figures[f"{name} lag ms"], run.figures[f"{name} lag ms before"] = last, first
    return surely_more(first, last)


def _thirds(looks: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    """The first and the last."""
    third = len(looks) // 3
    return looks[:third], looks[-third:]


def _tell_stored(people: People, run: Run) -> None:
    """What each part has on disk, in MB of 1,000,000 bytes."""
    for folder in people.mesh.data_dir.iterdir():
        if folder.is_dir():
            stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            run.figures[f"{folder.name} on disk MB"] = round(stored / 1e6, 2)

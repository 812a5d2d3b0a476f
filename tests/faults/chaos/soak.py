"""F39: an ordinary load for some time, a fifth of its calls left by their clients: nothing grows that should not."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from aviary.timeline.v1.timeline_service_pb2 import ListHomeTimelineRequest
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from bench.cpu import resident_megabytes
from mesh.background import background
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.mesh.support.api import Person

SECONDS = Amount(30, 300, 7_200)
PEOPLE = 24
FOLLOWED_BY_EACH = 5
ACTS = ("post", "reply", "delete", "follow", "unfollow", "like", "unlike", "read", "read", "read", "read", "read")
WORKERS = 4
PAUSE_SECONDS = 0.1
# Between two calls of those who leave: a fifth of all calls is theirs.
LEAVERS_PAUSE_SECONDS = 0.04
LONGEST_STAY_SECONDS = 0.02
SAMPLED_EVERY_SECONDS = 1.0
WARM_AFTER = 1 / 3
# They hold the data, which grows.
STORES = ("nats", "redis", "cassandra")
MOST_FILES = 8
# Of resident memory in ten minutes, once it is warm; a short run sees the steps that an allocator takes.
MOST_GROWTH = Amount(25, 6, 1)


@dataclass
class _Samples:
    """Of each process, one after the other."""

    megabytes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    left: int = 0


async def soak(run: Run) -> None:
    """Memory and open files of every process are flat once it is warm."""
    seconds, samples, clock = SECONDS.at(run.scale), _Samples(), SystemClock()
    async with people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH) as people, _leavers(people, samples):
        began = clock.monotonic()
        async with people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            warm_at = began + seconds * WARM_AFTER
            while (now := clock.monotonic()) < began + seconds:
                await asyncio.sleep(SAMPLED_EVERY_SECONDS)
                if now > warm_at:
                    _sample(people, samples)
        run.figures |= {"seconds": seconds, "acts": people.done, "left": samples.left}
        _compare(samples, run, seconds=seconds * (1 - WARM_AFTER))
        await judge(people, run)


@asynccontextmanager
async def _leavers(people: People, samples: _Samples) -> AsyncIterator[None]:
    """Clients who ask for pages, of the edge and of the service, and mostly do not stay for the answer."""
    chance = random.Random(f"{people.seed}/leavers")
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
                try:
                    async with asyncio.timeout(chance.random() * LONGEST_STAY_SECONDS):
                        await ask(chance.choice(people.everybody), is_direct=chance.random() < 1 / 2)
                except TimeoutError:
                    samples.left += 1
                await asyncio.sleep(LEAVERS_PAUSE_SECONDS)

        async with background(leave_and_leave(), name="clients who leave"):
            yield


def _sample(people: People, samples: _Samples) -> None:
    for process in people.mesh.processes():
        samples.megabytes[process["name"]].append(resident_megabytes(process["pid"]))
        samples.files[process["name"]].append(len(list(Path(f"/proc/{process['pid']}/fd").iterdir())))


def _compare(samples: _Samples, run: Run, *, seconds: float) -> None:
    most = MOST_GROWTH.at(run.scale)
    for name, megabytes in samples.megabytes.items():
        third = len(megabytes) // 3
        first, last = statistics.median(megabytes[:third]), statistics.median(megabytes[-third:])
        # The middles of the first and the last third are two thirds of the time apart.
        growth = 100 * (last - first) / first * 600 / (seconds * 2 / 3)
        files = max(samples.files[name][-third:]) - max(samples.files[name][:third])
        run.figures[f"{name} MB"] = round(last, 1)
        run.figures[f"{name} growth, % in 10 min"] = round(growth, 2)
        run.figures[f"{name} more files"] = files
        run.expect(f"{name}: open files are flat", files, is_so=files <= MOST_FILES)
        if not name.startswith(STORES):
            run.expect(f"{name}: memory is flat, % in 10 min", growth, is_so=growth <= most)

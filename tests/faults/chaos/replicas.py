"""Bars on a mesh with two processes of every service: one of the two goes, and callers hardly notice."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from dev_mesh.probes import grpc_serves
from mesh.clock import SystemClock
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.support.wait_until import wait_until

COPIES: Final = ("--replicas", "2")
PEOPLE = Amount(12, 24, 60)
FOLLOWED_BY_EACH = 4
ACTS = ("post", "reply", "like", "follow", "read", "read", "read", "read")
WORKERS = 6
# A steady load, not all that the machine can do: what starts again needs its share of it.
PAUSE_SECONDS = 0.05
STRUCK = ("tweet_svc", "timeline_svc", "graph_svc", "engagement_svc", "user_svc", "timeline_svc-work")
READY_SECONDS = 60.0
CALL_SECONDS = 2.0
LOCKED_MILLISECONDS = 200
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Going:
    """How one goes, and for how long callers may notice: seconds after which no call fails any more.

    `most_failed` is the part of the calls within that time that may fail. One that is frozen stays so for
    `frozen_seconds`; the others start again by themselves.
    """

    signal: signal.Signals
    noticed_seconds: float
    most_failed: float
    rounds: Amount
    watched_seconds: float = 3.0
    frozen_seconds: float = 0.0


def one_of_two(number: str, title: str, going: Going) -> Bar:
    """A bar in which each service loses one of its two processes, in turn."""
    return Bar(number, title, partial(_hold, going))


async def _hold(going: Going, run: Run) -> None:
    count = PEOPLE.at(run.scale)
    async with people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH, flags=COPIES) as people:
        people.api.failures.clear()
        async with people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            for _ in range(going.rounds.at(run.scale)):
                for name in STRUCK:
                    await _strike(name, going, people, run)
        run.figures["acts"] = people.done
        run.figures["failed calls"] = len(people.api.failures)
        await judge(people, run)


async def _strike(name: str, going: Going, people: People, run: Run) -> None:
    calls, failed = _calls(people), len(people.api.failures)
    address = people.mesh.find(name)["address"]
    pid = await _signal(name, going, people, run)
    began = _CLOCK.monotonic()
    await asyncio.sleep(going.frozen_seconds or going.noticed_seconds)
    if going.frozen_seconds:
        people.mesh.signal(name, signal.SIGCONT)
    else:
        await wait_until(lambda: people.mesh.find(name)["pid"] != pid, at_most=READY_SECONDS)
    await wait_until(lambda: grpc_serves(address), at_most=READY_SECONDS)
    await asyncio.sleep(going.watched_seconds)
    seen = people.api.failures[failed:]
    # A call that began before may end as late as its deadline.
    late = [what for at, what in seen if at > began + going.noticed_seconds + CALL_SECONDS]
    made = _calls(people) - calls
    last = max((at - began for at, _ in seen), default=0.0)
    run.say(f"{name}: {len(seen)} of {made} calls failed, the last after {last:.1f} s")
    told = f"{name}: last failure after s"
    run.figures[told] = max(run.figures.get(told, 0.0), round(last, 1))
    run.expect(f"{name}: calls were made", made, is_so=made > 0)
    run.expect(f"{name}: no call fails after {going.noticed_seconds:g} s", late[:3], is_so=not late)
    most = going.most_failed * made
    run.expect(f"{name}: at most {going.most_failed:.2%} of the calls fail", seen[:3], is_so=len(seen) <= most)


async def _signal(name: str, going: Going, people: People, run: Run) -> int:
    """Signal it. On SQLite none is frozen within a transaction: that locks the file that its copy writes too."""
    pid = people.mesh.signal(name, going.signal)
    while going.frozen_seconds and run.store == "sqlite" and _is_locked(people.mesh.data_dir / name):
        people.mesh.signal(name, signal.SIGCONT)
        await asyncio.sleep(PAUSE_SECONDS)
        people.mesh.signal(name, going.signal)
    return pid


def _is_locked(folder: Path) -> bool:
    """Whether somebody who does nothing now holds the store that is there."""
    for file in folder.glob("*.db"):
        connection = apsw.Connection(str(file))
        connection.set_busy_timeout(LOCKED_MILLISECONDS)
        try:
            connection.execute("BEGIN IMMEDIATE; ROLLBACK")
        except apsw.BusyError:
            return True
        finally:
            connection.close()
    return False


def _calls(people: People) -> int:
    return people.done + len(people.api.failures)

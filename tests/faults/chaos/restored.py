"""F42: everything is killed in the middle of the work; only its stores are kept, and a new mesh starts on them."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from pathlib import Path

from dev_mesh.control import ask
from tests.faults.chaos.audits import AUDITING
from tests.faults.chaos.bar import Amount, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, LONGEST_SECONDS, PEOPLE, WORKERS
from tests.faults.chaos.people import CONNECTIONS, People, people_of
from tests.mesh.support.api import open_api
from tests.mesh.support.operator import Operator
from tests.mesh.support.running_mesh import running_mesh
from tests.support.wait_until import wait_until

ACTS = Amount(300, 1_000, 6_000)
# One part in so many of the acts is the last: NATS is away, and nobody hears of them.
UNTAKEN_SHARE = 4
# What a snapshot of the stores does not have.
LEFT_BEHIND = shutil.ignore_patterns("nats", "redis", "logs", "mesh.json", "control.sock", "*.lock")


async def restore(run: Run, acts: tuple[str, ...]) -> None:
    """What was acknowledged when the snapshot was taken is there, in every list, timeline and count."""
    count, enough = PEOPLE.at(run.scale), ACTS.at(run.scale)
    snapshot = run.folder / "restored"
    async with people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH) as people:
        async with people.at_work(workers=WORKERS, acts=acts):
            await wait_until(partial(people.have_done, enough - enough // UNTAKEN_SHARE), at_most=LONGEST_SECONDS)
            await asyncio.to_thread(ask, people.mesh.data_dir, "stop", "nats")
            await wait_until(partial(people.have_done, enough), at_most=LONGEST_SECONDS)
        port = int(people.mesh.edge.rpartition(":")[2])
        run.figures["events on their way"] = len(await Operator(people.mesh).outbox("tweet_svc"))
        pids = [process["pid"] for process in people.mesh.processes()]
        people.mesh.kill()
        # The kernel ends the others with the supervisor, a moment later.
        await wait_until(lambda: not any(map(_is_alive, pids)))
        await asyncio.to_thread(shutil.copytree, people.mesh.data_dir, snapshot, ignore=LEFT_BEHIND)
        run.figures["acts"] = people.done
    run.expect("events were on their way", run.figures, is_so=run.figures["events on their way"] > 0)
    await _judge_on(snapshot, people, run, port=port)


async def _judge_on(snapshot: Path, before: People, run: Run, *, port: int) -> None:
    # A node of Cassandra remembers its ports.
    with running_mesh(snapshot, "--store", run.store, *AUDITING, edge_port=port) as mesh:
        async with open_api(mesh.edge, connections=CONNECTIONS, log=run.calls) as api:
            before.mesh, before.api = mesh, api
            await judge(before, run)


def _is_alive(pid: int) -> bool:
    """Neither gone nor waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False

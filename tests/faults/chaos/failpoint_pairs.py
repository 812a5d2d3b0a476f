"""One process stands still at a failpoint while another dies, a store is held, or Redis is emptied; then it goes on."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import apsw

from tests.faults.chaos.blows import empty_redis
from tests.faults.chaos.failpoint_plan import name_and_time
from tests.faults.chaos.own_process import OwnProcess
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

# For a point that nobody comes to.
PAUSED_SECONDS = 90.0
# Longer than a writer of SQLite waits for its turn.
HELD_SECONDS = 1.5
OWNERS = ("user_svc", "tweet_svc", "graph_svc", "engagement_svc")
BLOWS = ("kill", "kill", "hold", "empty")


async def pause_at_each(
    mesh: RunningMesh, process: OwnProcess, points: Sequence[str], chance: random.Random
) -> list[str]:
    """Stand still once at each point, in the order in which they come. Returns what befell the mesh meanwhile."""
    await process.start(",".join("{}:pause@{}".format(*name_and_time(entry)) for entry in points))
    struck: list[str] = []
    passed = 0
    while passed < len(points):
        await wait_until(process.is_paused, at_most=PAUSED_SECONDS)
        # Several, where another thread came to its point before all stood still.
        at = process.reached()[passed:]
        struck += [f"{'+'.join(at)}/{await _strike(mesh, process, chance)}"] if at else []
        process.go_on()
        passed += len(at)
    return struck


async def _strike(mesh: RunningMesh, process: OwnProcess, chance: random.Random) -> str:
    """One blow; the process goes on right after it, or while it lasts."""
    match chance.choice(BLOWS):
        case "kill":
            name = chance.choice([each["name"] for each in mesh.processes() if each["pid"] and _may_die(each["name"])])
            mesh.signal(name, signal.SIGKILL)
            process.go_on()
            return f"kill {name}"
        case "hold":
            async with _held(mesh, process.name if process.name in OWNERS else chance.choice(OWNERS)) as held:
                process.go_on()
                await asyncio.sleep(HELD_SECONDS)
            return f"hold {held}"
        case _:
            await empty_redis(mesh, chance)
            process.go_on()
            return "empty redis"


def _may_die(name: str) -> bool:
    # A node of Cassandra takes long to start; tests of their own kill those.
    return not name.startswith("cassandra")


@asynccontextmanager
async def _held(mesh: RunningMesh, owner: str) -> AsyncIterator[str]:
    """Nobody can write to the store meanwhile, or not even reach it."""
    if any(each["name"] == "cassandra" for each in mesh.processes()):
        mesh.signal("cassandra", signal.SIGSTOP)
        try:
            yield "cassandra"
        finally:
            mesh.signal("cassandra", signal.SIGCONT)
        return
    path = Path(mesh.find(owner)["directory"]) / f"{owner}.db"
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            # It is held already: by the process that stands still in the middle of a commit.
            yield f"{owner} by itself"
            return
        yield owner
        connection.execute("ROLLBACK")

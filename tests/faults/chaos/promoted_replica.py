"""The bar of a replica of Redis that is promoted although it lacks the last writes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from dev_mesh.control import ask
from mesh.storage.redis_pipeline import open_redis_pipeline
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.judge import judge
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, LONGEST_SECONDS, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.support.relay import relay
from tests.support.servers import start_redis
from tests.support.wait_until import wait_until

BEHIND_SECONDS = 2.0
COPIED_SECONDS = 30.0
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class PromotedReplica:
    """What people do, and how much of it before the replica falls behind, and again after it was promoted."""

    acts: tuple[str, ...]
    answered: Amount


def promoted_replica(number: str, title: str, load: PromotedReplica) -> Bar:
    """A bar with that load. One promotion: the mesh has one Redis."""
    return Bar(number, title, partial(_hold, load))


async def _hold(load: PromotedReplica, run: Run) -> None:
    enough = load.answered.at(run.scale)
    with start_redis(run.folder / "replica") as server:
        async with (
            people_of(run, count=PEOPLE.at(run.scale), followed_by_each=FOLLOWED_BY_EACH) as people,
            AsyncExitStack() as stack,
        ):
            async with people.at_work(workers=WORKERS, acts=load.acts, pause=PAUSE_SECONDS):
                await wait_until(partial(people.have_done, enough), at_most=LONGEST_SECONDS)
                await _fall_behind(people, server.url, run)
                mesh = people.mesh
                port = int(urlsplit(mesh.find("redis")["address"]).port or 0)
                await asyncio.to_thread(ask, mesh.data_dir, "stop", "redis")
                # Where the mesh looks for Redis there is the replica now.
                await stack.enter_async_context(relay(port, int(urlsplit(server.url).port or 0)))
                await wait_until(partial(people.have_done, people.done + enough), at_most=LONGEST_SECONDS)
            run.figures["acts"] = people.done
            run.figures["repeats"] = len(people.api.failures)
            await judge(people, run)


async def _fall_behind(people: People, replica_url: str, run: Run) -> None:
    """The replica has everything; then it hears nothing for two seconds, in which there are posts."""
    address = urlsplit(people.mesh.find("redis")["address"])
    async with open_redis_pipeline(replica_url) as replica:
        await replica.execute_command("CONFIG", "SET", "masterauth", str(address.password))
        await replica.execute_command("REPLICAOF", str(address.hostname), str(address.port))

        async def is_copied() -> bool:
            return b"master_link_status:up" in await replica.execute_command("INFO", "replication")

        await wait_until(is_copied, at_most=COPIED_SECONDS)
        await replica.execute_command("REPLICAOF", "NO", "ONE")
        before = len(people.history.texts())
        await asyncio.sleep(BEHIND_SECONDS)
        missed = len(people.history.texts()) - before
        run.figures["posts that the replica lacks"] = missed
        run.expect("the replica lacks posts", missed, is_so=missed > 0)
        # The mesh greets it with the password of the one whose place it takes.
        await replica.execute_command("CONFIG", "SET", "requirepass", str(address.password))

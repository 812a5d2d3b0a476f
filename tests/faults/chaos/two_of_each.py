"""The bar of two relays and two fan-out workers that hear only a part of the confirmations."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

from dev_mesh.keys import prepare_keys
from dev_mesh.nats_conf import nats_url
from dev_mesh.ports import plan_ports
from dev_mesh.service_programs import SERVICES
from tests.faults.chaos.bar import Amount, Bar, Run
from tests.faults.chaos.broker import open_broker
from tests.faults.chaos.figures import CONSUMED, counted
from tests.faults.chaos.judge import judge
from tests.faults.chaos.lossy_relay import Losses, lossy_relay
from tests.faults.chaos.mixed import FOLLOWED_BY_EACH, LONGEST_SECONDS, PEOPLE, WORKERS
from tests.faults.chaos.people import People, people_of
from tests.support.free_ports import free_row
from tests.support.wait_until import wait_until

DROPPED = 0.1
PAUSE_SECONDS = 0.2
WORKERS_OF_TIMELINES = ("timeline_svc-work", "timeline_svc-work-2")


@dataclass(frozen=True, slots=True)
class TwoOfEach:
    """What people do meanwhile, and how much of it."""

    acts: tuple[str, ...]
    answered: Amount


def two_of_each(number: str, title: str, load: TwoOfEach) -> Bar:
    """A bar with that load."""
    return Bar(number, title, partial(_hold, load))


async def _hold(load: TwoOfEach, run: Run) -> None:
    data_dir = run.folder / "data"
    data_dir.mkdir(mode=0o700)
    password = prepare_keys(data_dir, SERVICES).nats_password
    edge_port = free_row(60)
    ports = plan_ports(edge_port, replicas=2, has_cassandra=run.store == "cassandra")
    relay_port = edge_port + len(ports)
    url = nats_url(port=relay_port, password=password)
    flags = ("--edge-port", str(edge_port), "--replicas", "2", "--set", f"AVIARY_BUS_URL={url}")
    losses = Losses(DROPPED, random.Random(f"{run.seed}/{run.bar}/losses"))
    count = PEOPLE.at(run.scale)
    async with (
        lossy_relay(relay_port, ports["nats"], losses),
        people_of(run, count=count, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people,
    ):
        async with people.at_work(workers=WORKERS, acts=load.acts, pause=PAUSE_SECONDS):
            await wait_until(partial(people.have_done, load.answered.at(run.scale)), at_most=LONGEST_SECONDS)
        # Those that are waited for now come through: one more loss would cost a minute each.
        losses.share = 0.0
        run.figures["acts"] = people.done
        await judge(people, run)
        await _count(losses, people, run)


async def _count(losses: Losses, people: People, run: Run) -> None:
    """The control: confirmations were dropped, events came again for it, and both workers had some."""
    async with open_broker(people.mesh) as broker:
        repeated = sum(bool(event.groups) for event in await broker.events())
    run.figures["confirmations"] = losses.came
    run.figures["dropped"] = losses.dropped
    run.figures["repeated events"] = repeated
    run.expect("confirmations were dropped", losses.dropped, is_so=losses.dropped > 0)
    run.expect("events were repeated", repeated, is_so=repeated > 0)
    for name in WORKERS_OF_TIMELINES:
        share = await counted(people.mesh, CONSUMED, service="timeline_svc", process=name, outcome="done")
        run.figures[name] = share
        run.expect(f"{name} handled events", share, is_so=share > 0)

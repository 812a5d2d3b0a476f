"""F13 on Cassandra: every fifth answer of the node comes half a second late, to all services of a mesh."""

from __future__ import annotations

import asyncio
import random

from tests.faults.chaos.bar import Run
from tests.faults.chaos.cql_relay import CqlRelay, behind
from tests.faults.chaos.figures import counted
from tests.faults.chaos.judge import judge
from tests.faults.chaos.people import People, people_of
from tests.faults.chaos.samples import sampled
from tests.faults.chaos.slow_disk import LEAST_IN_TIME, SECONDS, SLOW_SHARE, SLOWER_SECONDS
from tests.faults.chaos.soak import ACTS, FOLLOWED_BY_EACH, PAUSE_SECONDS, WORKERS
from tests.faults.chaos.steady_lag import SAMPLED_EVERY_SECONDS, judge_lag

PEOPLE = 16
P99_MS, LARGEST_MS = 50.0, 250.0
MOST_TRIES = 1.1
STORES = ("user_svc", "tweet_svc", "graph_svc", "engagement_svc")


async def slow_the_node(run: Run) -> None:
    """Nearly all calls succeed at once, nobody asks twice for it, and no event loop waits."""
    chance, relay = random.Random(f"{run.seed}/{run.bar}"), CqlRelay()
    async with (
        behind(relay, run) as (_, flags),
        people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people,
    ):
        relay.delay = lambda: SLOWER_SECONDS if chance.random() < SLOW_SHARE else 0.0
        people.api.failures.clear()
        before, asked_before = await _tries(people), relay.asked
        posts_before, asking_before = len(people.attempted), await _asking(people)
        async with (
            people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS),
            sampled(people.mesh, every=SAMPLED_EVERY_SECONDS) as samples,
        ):
            await asyncio.sleep(SECONDS.at(run.scale))
        tries = (await _tries(people) - before) / (len(people.attempted) - posts_before)
        statements = (relay.asked - asked_before) / (await _asking(people) - asking_before)
        failures = people.api.failures
        share = people.done / (people.done + len(failures))
        run.figures |= {"acts": people.done, "slow answers": relay.delayed, "at once": round(share, 4)}
        run.figures |= {"tries of a post": round(tries, 3), "messages of a statement": round(statements, 3)}
        run.expect("answers were slow", relay.delayed, is_so=relay.delayed > 0)
        run.expect("calls that succeed at once", failures[:3], is_so=share >= LEAST_IN_TIME)
        run.expect("tries of a post", tries, is_so=tries <= MOST_TRIES)
        run.expect("messages of a statement", statements, is_so=statements <= MOST_TRIES)
        judge_lag(samples, run, p99_ms=P99_MS, largest_ms=LARGEST_MS)
        relay.delay = lambda: 0.0
        await judge(people, run)


async def _tries(people: People) -> float:
    return await counted(people.mesh, "aviary_rpc_server_calls_total", service="tweet_svc", method="CreateTweet")


async def _asking(people: People) -> float:
    """Statements and batches that the services made, whatever their outcome."""
    return sum([await counted(people.mesh, "aviary_store_calls_total", service=service) for service in STORES])

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
from tests.faults.chaos.soak import ACTS, FOLLOWED_BY_EACH, PAUSE_SECONDS
from tests.faults.chaos.steady_lag import SAMPLED_EVERY_SECONDS, judge_lag

PEOPLE = 16
WORKERS = 8
P99_MS, LARGEST_MS = 50.0, 250.0
MOST_TRIES = 1.1
# A page has 0.8 s, and needs three answers one after the other in graph_svc alone; a like has 2 s, and needs seven.
# With two late, or four, they have no time left: some 15 in 100 fail by chance alone. Most must succeed.
LEAST_OF_LONG = 0.6
LONG = {"timeline_svc": ("ListHomeTimeline",), "engagement_svc": ("LikeTweet", "UnlikeTweet")}
# Before it begins: the first calls of a process have statements prepared.
WARM_SECONDS = 5.0
CALLS = "aviary_rpc_server_calls_total"
STORES = ("user_svc", "tweet_svc", "graph_svc", "engagement_svc")


async def slow_the_node(run: Run) -> None:
    """Nearly all calls but pages and likes succeed at once, nobody asks twice for it, and no event loop waits."""
    chance, relay = random.Random(f"{run.seed}/{run.bar}"), CqlRelay()
    async with (
        behind(relay, run) as (_, flags),
        people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people,
    ):
        async with people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            await asyncio.sleep(WARM_SECONDS)
        people.api.failures.clear()
        done, attempted = people.done, len(people.attempted)
        tried, long, asked, asking = await _tried(people), await _long(people), relay.asked, await _asking(people)
        relay.delay = lambda: SLOWER_SECONDS if chance.random() < SLOW_SHARE else 0.0
        async with (
            people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS),
            sampled(people.mesh, every=SAMPLED_EVERY_SECONDS) as samples,
        ):
            await asyncio.sleep(SECONDS.at(run.scale))
        relay.delay = lambda: 0.0
        tries = (await _tried(people) - tried) / (len(people.attempted) - attempted)
        statements = (relay.asked - asked) / (await _asking(people) - asking)
        calls, long = people.done - done + len(people.api.failures), await _long(people) - long
        failed = [what for _, what in people.api.failures if not _is_long(what)]
        failed_long = len(people.api.failures) - len(failed)
        share, share_of_long = 1 - len(failed) / (calls - long), 1 - failed_long / long
        run.figures |= {"acts": people.done - done, "slow answers": relay.delayed, "at once": round(share, 4)}
        run.figures |= {"pages and likes": long, "of these at once": round(share_of_long, 4)}
        run.figures |= {"tries of a post": round(tries, 3), "messages of a statement": round(statements, 3)}
        run.expect("answers were slow", relay.delayed, is_so=relay.delayed > 0)
        # Of fewer than a hundred one may.
        run.expect("calls that succeed at once", failed[:3], is_so=share >= LEAST_IN_TIME or len(failed) <= 1)
        run.expect("pages and likes that succeed at once", share_of_long, is_so=share_of_long >= LEAST_OF_LONG)
        run.expect("tries of a post", tries, is_so=tries <= MOST_TRIES)
        run.expect("messages of a statement", statements, is_so=statements <= MOST_TRIES)
        judge_lag(samples, run, p99_ms=P99_MS, largest_ms=LARGEST_MS)
        await judge(people, run)


async def _tried(people: People) -> float:
    return await counted(people.mesh, CALLS, service="tweet_svc", method="CreateTweet")


async def _long(people: People) -> float:
    """Pages and likes, also those that failed."""
    every = [(service, method) for service, methods in LONG.items() for method in methods]
    return sum([await counted(people.mesh, CALLS, service=service, method=method) for service, method in every])


def _is_long(call: str) -> bool:
    return call.startswith("GET /v1/timelines/home") or call.partition(":")[0].endswith("/like")


async def _asking(people: People) -> float:
    """Statements and batches that the services made, whatever their outcome."""
    return sum([await counted(people.mesh, "aviary_store_calls_total", service=service) for service in STORES])

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
# A page has 0.8 s. In graph_svc it needs three answers one after the other, and two that are late make a second: some
# 15 in 100 pages fail by chance alone. Most must succeed.
LEAST_PAGES = 0.6
PAGE = "GET /v1/timelines/home"
# Before it begins: the first calls of a process have statements prepared.
WARM_SECONDS = 5.0
CALLS = "aviary_rpc_server_calls_total"
STORES = ("user_svc", "tweet_svc", "graph_svc", "engagement_svc")


async def slow_the_node(run: Run) -> None:
    """Nearly all calls but pages succeed at once, nobody asks twice for it, and no event loop waits."""
    chance, relay = random.Random(f"{run.seed}/{run.bar}"), CqlRelay()
    async with (
        behind(relay, run) as (_, flags),
        people_of(run, count=PEOPLE, followed_by_each=FOLLOWED_BY_EACH, flags=flags) as people,
    ):
        async with people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS):
            await asyncio.sleep(WARM_SECONDS)
        people.api.failures.clear()
        done, attempted = people.done, len(people.attempted)
        tried, read, asked, asking = await _tried(people), await _read(people), relay.asked, await _asking(people)
        relay.delay = lambda: SLOWER_SECONDS if chance.random() < SLOW_SHARE else 0.0
        async with (
            people.at_work(workers=WORKERS, acts=ACTS, pause=PAUSE_SECONDS),
            sampled(people.mesh, every=SAMPLED_EVERY_SECONDS) as samples,
        ):
            await asyncio.sleep(SECONDS.at(run.scale))
        relay.delay = lambda: 0.0
        tries = (await _tried(people) - tried) / (len(people.attempted) - attempted)
        statements = (relay.asked - asked) / (await _asking(people) - asking)
        calls, pages = people.done - done + len(people.api.failures), await _read(people) - read
        failed = [what for _, what in people.api.failures if not what.startswith(PAGE)]
        failed_pages = len(people.api.failures) - len(failed)
        share, share_of_pages = 1 - len(failed) / (calls - pages), 1 - failed_pages / pages
        run.figures |= {"acts": people.done - done, "slow answers": relay.delayed, "at once": round(share, 4)}
        run.figures |= {"pages": pages, "pages at once": round(share_of_pages, 4)}
        run.figures |= {"tries of a post": round(tries, 3), "messages of a statement": round(statements, 3)}
        run.expect("answers were slow", relay.delayed, is_so=relay.delayed > 0)
        # Of fewer than a hundred one may.
        run.expect("calls that succeed at once", failed[:3], is_so=share >= LEAST_IN_TIME or len(failed) <= 1)
        run.expect("pages that succeed at once", share_of_pages, is_so=share_of_pages >= LEAST_PAGES)
        run.expect("tries of a post", tries, is_so=tries <= MOST_TRIES)
        run.expect("messages of a statement", statements, is_so=statements <= MOST_TRIES)
        judge_lag(samples, run, p99_ms=P99_MS, largest_ms=LARGEST_MS)
        await judge(people, run)


async def _tried(people: People) -> float:
    return await counted(people.mesh, CALLS, service="tweet_svc", method="CreateTweet")


async def _read(people: People) -> float:
    """Pages, also those that failed."""
    return await counted(people.mesh, CALLS, service="timeline_svc", method="ListHomeTimeline")


async def _asking(people: People) -> float:
    """Statements and batches that the services made, whatever their outcome."""
    return sum([await counted(people.mesh, "aviary_store_calls_total", service=service) for service in STORES])

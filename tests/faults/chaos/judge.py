"""What must hold once a mesh was left in peace: worked out from what people did and were told, and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress

import grpc

from mesh.clock import SystemClock
from tests.faults.chaos.audits import judge_audits
from tests.faults.chaos.bar import Run
from tests.faults.chaos.lag import tell_lag
from tests.faults.chaos.people import People
from tests.mesh.support.actions import walk
from tests.mesh.support.checks import missing_tweets, tweets_there
from tests.mesh.support.history import PROMISED
from tests.mesh.support.operator import Operator
from tests.support.wait_until import wait_until

QUIET_SECONDS = 60.0
HEALED_SECONDS = 30.0
WITH_OUTBOX = ("user_svc", "tweet_svc", "graph_svc")
PAGE_SIZES = (7, 20, 50, 200)


async def judge(people: People, run: Run) -> None:
    """Wait until nothing is under way any more, read everything through the public API, and compare."""
    clock = SystemClock()
    began = clock.monotonic()
    await until_quiet(people)
    run.figures["quiet after s"] = round(clock.monotonic() - began, 1)
    run.figures["acknowledged posts"] = len(people.history.texts()) + len(people.deleted)
    await _judge_tweets(people, run)
    await _judge_timelines(people, run)
    await _judge_counts(people, run)
    await judge_audits(people.mesh, run, timelines=len(people.everybody), dead=people.dead)
    await asyncio.to_thread(tell_lag, people.mesh, run)


async def until_quiet(people: People, *, at_most: float = QUIET_SECONDS) -> None:
    """Every outbox is empty within so many seconds, and there is no dead letter."""
    operator = Operator(people.mesh)

    async def is_quiet() -> bool:
        try:
            return not any([await operator.outbox(service) for service in WITH_OUTBOX])
        except grpc.aio.AioRpcError:  # it starts again just now
            return False

    await wait_until(is_quiet, at_most=at_most)
    for service in WITH_OUTBOX:
        dead = await operator.dead_letters(service)
        assert not dead, f"{service} has dead letters: {dead[:3]}"


async def _judge_tweets(people: People, run: Run) -> None:
    lost = await missing_tweets(people.api, people.history)
    listed: Counter[str] = Counter()
    shown: set[int] = set()
    for person in people.everybody:
        for tweet in await walk(people.api, f"/v1/users/{person.user_id}/tweets", "tweets", page_size=100):
            listed[tweet["content"]] += 1
            shown.add(int(tweet["tweetId"]))
    by_id = set(await tweets_there(people.api, people.deleted))
    twice = [text for text, times in listed.items() if times > 1]
    phantoms = sorted(set(listed) - people.attempted)
    resurrected = people.deleted & shown | by_id
    unlisted = set(people.history.texts()) - shown
    for what, found in (("lost", lost), ("not listed", unlisted), ("twice", twice), ("phantom", phantoms)):
        run.figures[what] = len(found)
        run.expect(what, found, is_so=not found)
    run.figures["resurrected"] = len(resurrected)
    run.expect("resurrected", resurrected, is_so=not resurrected)


async def _judge_timelines(people: People, run: Run) -> None:
    chance = random.Random(f"{run.seed}/pages")
    wrong: dict[int, str] = {person.user_id: "not read" for person in people.everybody}

    async def are_right() -> bool:
        for person in people.everybody:
            if person.user_id in wrong:
                size = chance.choice(PAGE_SIZES)
                items = await walk(people.api, "/v1/timelines/home", "items", by=person, page_size=size)
                seen, expected = [int(item["tweet"]["tweetId"]) for item in items], people.history.home_of(person)
                if (seen[:PROMISED] if len(expected) == PROMISED else seen) == expected:
                    del wrong[person.user_id]
                else:
                    missing, extra = len(set(expected) - set(seen)), len(set(seen) - set(expected))
                    wrong[person.user_id] = f"{missing} missing, {extra} extra, of {len(expected)}"
        return not wrong

    with suppress(AssertionError):
        await wait_until(are_right, at_most=HEALED_SECONDS)
    run.figures["timelines"] = len(people.everybody)
    run.figures["longest timeline"] = max(len(people.history.home_of(person)) for person in people.everybody)
    run.figures["wrong timelines"] = len(wrong)
    run.expect("timelines as the history", wrong, is_so=not wrong)


async def _judge_counts(people: People, run: Run) -> None:
    wrong: list[str] = []

    async def are_right() -> bool:
        wrong.clear()
        for tweet, likers in people.likers.items():
            if tweet not in people.deleted:
                page = await people.api.get(f"/v1/tweets/{tweet}/likes?page_size=100", by=people.everybody[0])
                listed = {int(like["userId"]) for like in page["likes"]}
                if not (page["likesCount"] == len(likers) and listed == likers):
                    wrong.append(f"likes of {tweet}: {page['likesCount']}, listed {len(listed)}, right {len(likers)}")
        wrong.extend(await _wrong_reply_counts(people))
        for person in people.everybody:
            user = await people.api.get(f"/v1/users/{person.user_id}")
            counts = user["user"].get("counts", {})  # none while the service that counts is away
            for what, right in (
                ("followersCount", people.history.followers_of(person)),
                ("tweetsCount", len(people.history.tweets_of(person))),
            ):
                if counts.get(what) != right:
                    wrong.append(f"{what} of {person.username}: {counts.get(what)}, right {right}")
        return not wrong

    with suppress(AssertionError):
        await wait_until(are_right, at_most=HEALED_SECONDS)
    run.figures["wrong counts"] = len(wrong)
    run.expect("counts as the edges", wrong, is_so=not wrong)


async def _wrong_reply_counts(people: People) -> list[str]:
    right = Counter(parent for reply, parent in people.parents.items() if reply not in people.deleted)
    wrong: list[str] = []
    there = sorted(people.history.texts())
    for start in range(0, len(there), 100):
        query = "&".join(f"tweet_ids={tweet}" for tweet in there[start : start + 100])
        page = await people.api.get(f"/v1/tweets:batchGet?{query}", by=people.everybody[0])
        for tweet in page["tweets"]:
            shown, replies = tweet["counts"]["repliesCount"], right[int(tweet["tweetId"])]
            if shown != replies:
                wrong.append(f"replies of {tweet['tweetId']}: {shown}, right {replies}")
    return wrong

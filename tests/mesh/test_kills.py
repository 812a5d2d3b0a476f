"""Nothing that was acknowledged is lost, and nothing is there twice, whoever is killed with -9 while people write."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from dev_mesh.control import ask
from mesh.clock import SystemClock
from tests.mesh.support.actions import sign_up_many
from tests.mesh.support.api import Person, open_api
from tests.mesh.support.checks import missing_tweets, texts_stored_twice
from tests.mesh.support.running_mesh import RunningMesh, running_mesh
from tests.mesh.support.story import Story
from tests.support.wait_until import wait_until

PEOPLE = 50
FOLLOWED_BY_EACH = 8
POSTS = 520
HEALED_SECONDS = 60.0
VICTIMS = ("tweet_svc", "timeline_svc-work", "nats", "redis", "tweet_svc", "nats", "timeline_svc-work", "redis")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """A mesh that nobody else needs: its processes do not live long."""
    with running_mesh(Path(tmp_path_factory.mktemp("killed")) / "data") as running:
        yield running


async def test_no_acknowledged_tweet_is_lost_and_every_timeline_is_exact_after_eight_kills(
    mesh: RunningMesh, tell: Callable[[str], None]
) -> None:
    chance = random.Random(3)
    clock = SystemClock()
    async with open_api(mesh.edge, connections=16) as api:
        story = Story(api)
        people = await _a_crowd(story, chance)
        # A timeline that nobody has read is built by its first reader; these are to be kept up by fan-out.
        await story.comes_true(people)
        began = clock.monotonic()
        killed = await _post_while_killing(story, mesh, people)
        posted = clock.monotonic()
        missing = await missing_tweets(api, story.history)
        await story.comes_true(people, at_most=HEALED_SECONDS)
        healed = clock.monotonic()
        doubles = await texts_stored_twice(api, people)
        retries = len(api.failures)
    tell(
        f"{len(story.history.texts())} posts acknowledged by {len(people)} people in {posted - began:.0f} s, "
        f"{len(killed)} kills -9 ({', '.join(killed)}), {retries} retries under the same key"
    )
    tell(
        f"afterwards: {len(missing)} lost, {len(doubles)} twice, {len(people)} of {len(people)} home timelines equal"
        f" the history {healed - posted:.1f} s after the last post"
    )
    assert len(story.history.texts()) >= 500
    assert len(killed) >= 6
    assert (missing, doubles) == ({}, [])


async def _a_crowd(story: Story, chance: random.Random) -> list[Person]:
    people = await sign_up_many(story.api, PEOPLE)
    for person in people:
        await story.follow(person, *chance.sample(people, FOLLOWED_BY_EACH))
    return people


async def _post_while_killing(story: Story, mesh: RunningMesh, people: list[Person]) -> list[str]:
    numbers = itertools.count()
    acknowledged = 0
    killed: list[str] = []

    async def write() -> None:
        nonlocal acknowledged
        while acknowledged < POSTS or len(killed) < len(VICTIMS):
            number = next(numbers)
            author = people[number % len(people)]
            await story.post(author, f"marker {number}.", key=f"kill-{number}")
            acknowledged += 1

    def is_time(enough: int, name: str) -> bool:
        # Only who is at work is worth killing.
        return acknowledged >= enough and f"{name:<20} ready" in ask(mesh.data_dir, "status")

    async def kill() -> None:
        for round_number, name in enumerate(VICTIMS, start=1):
            enough = round_number * POSTS // (len(VICTIMS) + 1)
            await wait_until(partial(is_time, enough, name), at_most=60)
            mesh.signal(name, signal.SIGKILL)
            killed.append(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(write())
        group.create_task(kill())
    return killed

"""SIGTERM under load: calls in progress are answered, later ones go elsewhere, and no job is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.mesh.support.actions import home, sign_up_many
from tests.mesh.support.api import Answer, Api, Person, open_api
from tests.mesh.support.running_mesh import RunningMesh, running_mesh
from tests.mesh.support.story import Story
from tests.support.wait_until import wait_until

# Each is drained once, while its copy works on.
DRAINED = ("tweet_svc", "timeline_svc", "graph_svc", "engagement_svc", "user_svc", "timeline_svc-work")
CALLS_AROUND_EACH = 60
# A steady load, not all that the machine can do: restarts need their share of it.
BUSY = 3
PAUSE_SECONDS = 0.03


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """Two processes of each service."""
    with running_mesh(Path(tmp_path_factory.mktemp("drained")) / "data", "--replicas", "2") as running:
        yield running


async def test_no_call_fails_and_no_job_is_lost_while_every_service_is_drained_in_turn(
    mesh: RunningMesh, tell: Callable[[str], None]
) -> None:
    async with open_api(mesh.edge, connections=8) as api:
        story = Story(api)
        people = await _friends(story)
        failed: list[str] = []
        answered = 0
        is_over = asyncio.Event()

        async def live(person: Person, number: int = 0) -> None:
            nonlocal answered
            while not is_over.is_set():
                await asyncio.sleep(PAUSE_SECONDS)
                number += 1
                for answer in await _do_something(api, story, person, number):
                    answered += 1
                    if answer.status >= 300:
                        failed.append(f"{answer.status} {answer.json}")

        def have_been_answered(enough: int) -> bool:
            return answered >= enough

        async def drain() -> None:
            for name in DRAINED:
                await wait_until(partial(have_been_answered, answered + CALLS_AROUND_EACH), at_most=60)
                pid = mesh.signal(name, signal.SIGTERM)
                await wait_until(partial(_has_changed, mesh, name, pid), at_most=30)
                await wait_until(partial(have_been_answered, answered + CALLS_AROUND_EACH), at_most=60)
            is_over.set()

        async with asyncio.TaskGroup() as group:
            for person in people[:BUSY]:
                group.create_task(live(person))
            group.create_task(drain())
        tell(f"drained under load: {', '.join(DRAINED)}; {len(failed)} of {answered} calls failed")
        assert failed == []
        await story.comes_true(people, at_most=30)


async def _friends(story: Story) -> list[Person]:
    people = await sign_up_many(story.api, 6)
    for person in people:
        await story.follow(person, *people)
    # The first calls of every process are slower.
    for person in people:
        await home(story.api, person)
        await story.post(person)
    return people


async def _do_something(api: Api, story: Story, person: Person, number: int) -> list[Answer]:
    text = f"{number} of {person.username}"
    posted = await api.call("POST", "/v1/tweets", {"content": text}, by=person, key=f"drain-{number}")
    if posted.status != 201:
        return [posted]
    tweet = int(posted.json["tweet"]["tweetId"])
    story.history.posted(person, tweet, text)
    return [
        posted,
        await api.call("PUT", f"/v1/tweets/{tweet}/like", {}, by=person),
        await api.call("GET", "/v1/timelines/home?page_size=5", by=person),
        await api.call("GET", f"/v1/users/{person.user_id}", by=person),
        await api.call("GET", f"/v1/users/{person.user_id}/followers"),
    ]


def _has_changed(mesh: RunningMesh, name: str, pid: int) -> bool:
    return mesh.find(name)["pid"] not in {None, pid}

"""The broker is disposable: held down, its store removed, started again, it costs a delay and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from mesh.clock import SystemClock
from tests.mesh.support.actions import home, sign_up_many
from tests.mesh.support.api import Api
from tests.mesh.support.running_mesh import RunningMesh
from tests.mesh.support.story import Story

HEALED_SECONDS = 60.0


async def test_what_the_broker_held_and_what_it_never_got_arrives_after_its_store_was_removed(
    mesh: RunningMesh, api: Api, tell: Callable[[str], None]
) -> None:
    story = Story(api)
    author, *viewers = await sign_up_many(api, 4)
    for viewer in viewers[:2]:
        await story.follow(viewer, author)
    before = await story.post(author)
    await story.comes_true([author, *viewers])

    mesh.control("stop", "timeline_svc-work")
    await story.post_many(author, 5)
    mesh.control("stop", "nats")
    assert mesh.find("nats")["pid"] is None
    for number in range(10):
        text = f"{number} while the broker is down"
        answer = await api.call("POST", "/v1/tweets", {"content": text}, by=author, key=f"down-{number}")
        assert answer.status == 201, answer
        story.history.posted(author, int(answer.json["tweet"]["tweetId"]), text)
    await story.follow(viewers[2], author)
    assert before in await home(api, viewers[0])
    shutil.rmtree(Path(mesh.find("nats")["directory"]))
    mesh.control("start", "nats")
    mesh.control("start", "timeline_svc-work")

    clock = SystemClock()
    began = clock.monotonic()
    await story.comes_true([author, *viewers], at_most=HEALED_SECONDS)
    took = clock.monotonic() - began
    tell(f"NATS lost with its store: 15 tweets are in every timeline {took:.1f} s after it and the worker are back")

"""An event stays in its outbox until its effects are confirmed, and no longer."""

from __future__ import annotations

from tests.mesh.support.actions import follow, home_becomes, post, sign_up_many
from tests.mesh.support.api import Api
from tests.mesh.support.operator import Operator
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until


async def test_rows_stay_while_the_timeline_worker_is_down_and_vanish_when_it_is_back(
    mesh: RunningMesh, api: Api
) -> None:
    operator = Operator(mesh)
    author, viewer = await sign_up_many(api, 2)
    await follow(api, viewer, author)

    async def is_empty() -> bool:
        return not await operator.outbox("tweet_svc")

    await wait_until(is_empty, at_most=10)
    mesh.control("stop", "timeline_svc-work")
    try:
        tweets = [await post(api, author, f"number {number}") for number in range(3)]

        async def only_the_timeline_is_missing() -> bool:
            entries = await operator.outbox("tweet_svc")
            return len(entries) == 3 and all(list(entry.waiting_groups) == ["timeline"] for entry in entries)

        await wait_until(only_the_timeline_is_missing, at_most=10)
    finally:
        mesh.control("start", "timeline_svc-work")
    await wait_until(is_empty, at_most=30)
    await home_becomes(api, viewer, tweets[::-1])
    assert await operator.dead_letters("tweet_svc") == []

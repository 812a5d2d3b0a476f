"""The mesh on a real Cassandra: the same main job, and what a node's death costs."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.mesh.support.actions import follow, home_becomes, like, post, sign_up
from tests.mesh.support.api import Api, open_api
from tests.mesh.support.running_mesh import RunningMesh, running_mesh
from tests.support.cassandra_nodes import CassandraParts
from tests.support.wait_until import wait_until


@pytest.fixture(scope="module")
def mesh(cassandra_parts: CassandraParts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """With a node of its own, whose parts are here."""
    assert cassandra_parts.jars
    with running_mesh(tmp_path_factory.mktemp("on-cassandra") / "data", "--store", "cassandra") as running:
        yield running


@pytest.fixture
async def api(mesh: RunningMesh) -> AsyncIterator[Api]:
    async with open_api(mesh.edge) as opened:
        yield opened


async def test_the_main_job(api: Api, mesh: RunningMesh) -> None:
    ada, grace = await sign_up(api, "ada"), await sign_up(api, "grace")
    await follow(api, ada, grace)
    tweet = await post(api, grace, "hello, cluster")
    reply = await post(api, ada, "hello, grace", reply_to=tweet)
    await like(api, ada, tweet)

    await home_becomes(api, ada, [reply, tweet])

    async def is_counted() -> bool:
        page = await api.get("/v1/timelines/home?expansions=EXPANSION_AUTHOR", by=ada)
        shown = next(item["tweet"] for item in page["items"] if item["tweet"]["tweetId"] == str(tweet))
        assert shown["content"] == "hello, cluster"
        assert shown["viewer"]["liked"] is True
        return bool(shown["counts"]["likesCount"] == 1 and shown["counts"]["repliesCount"] == 1)

    await wait_until(is_counted)
    assert mesh.find("cassandra")["pid"]


async def test_what_was_acknowledged_is_there_after_the_node_was_killed(
    api: Api, mesh: RunningMesh, tell: Callable[[str], None]
) -> None:
    ada = await sign_up(api, "ada")
    acknowledged: list[int] = []
    for number in range(40):
        answer = await api.call("POST", "/v1/tweets", {"content": f"post {number}"}, by=ada, key=f"key-{number}")
        if number == 20:
            mesh.signal("cassandra", signal.SIGKILL)
        if answer.status == 201:
            acknowledged.append(int(answer.json["tweet"]["tweetId"]))
        else:
            assert answer.status in {503, 504}, answer.json

    async def answers() -> bool:
        return (await api.call("GET", f"/v1/users/{ada.user_id}")).status == 200

    await wait_until(answers, at_most=60)
    listed = await api.get(f"/v1/users/{ada.user_id}/tweets?page_size=100", by=ada)
    there = {int(tweet["tweetId"]) for tweet in listed["tweets"]}
    tell(f"Cassandra killed while one person posted: {len(acknowledged)} acknowledged, 0 lost")
    assert set(acknowledged) <= there


async def test_a_post_without_an_answer_is_told_as_unknown_and_its_key_makes_one_tweet(
    api: Api, mesh: RunningMesh
) -> None:
    ada = await sign_up(api, "ada")
    body = {"content": "is it there?"}
    mesh.signal("cassandra", signal.SIGSTOP)
    try:
        unknown = await api.call("POST", "/v1/tweets", body, by=ada, key="unknown-1")
    finally:
        mesh.signal("cassandra", signal.SIGCONT)
    assert (unknown.status, unknown.reason) == (503, "BACKEND_UNAVAILABLE")
    assert unknown.headers["retry-after"] == "1"
    tweet = await post(api, ada, body["content"], key="unknown-1")
    assert await post(api, ada, body["content"], key="unknown-1") == tweet
    listed = await api.get(f"/v1/users/{ada.user_id}/tweets", by=ada)
    assert [int(found["tweetId"]) for found in listed["tweets"]] == [tweet]

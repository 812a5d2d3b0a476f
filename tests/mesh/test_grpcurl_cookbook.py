"""docs/grpcurl.md, line by line with the real grpcurl, and the same questions to every service."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from nats import connect

from aviary.events.v1 import events_pb2
from tests.mesh.support.actions import follow, home_becomes, post, sign_up_many
from tests.mesh.support.api import Api, Person
from tests.mesh.support.cookbook import Comparison, Recipe, Shell, for_this_mesh, open_shell, read_recipes
from tests.mesh.support.operator import Operator
from tests.mesh.support.programs import find_grpcurl
from tests.mesh.support.running_mesh import ENVIRONMENT, ROOT, RunningMesh
from tests.support.wait_until import wait_until

PAGE = ROOT / "docs" / "grpcurl.md"
# What each service serves beside health and reflection.
CONTRACTS = {
    "user_svc": {
        "aviary.user.v1.UserService",
        "aviary.auth.v1.AuthService",
        "aviary.user.internal.v1.UserInternalService",
    },
    "tweet_svc": {"aviary.tweet.v1.TweetService", "aviary.tweet.internal.v1.TweetInternalService"},
    "graph_svc": {"aviary.graph.v1.GraphService", "aviary.graph.internal.v1.GraphInternalService"},
    "engagement_svc": {
        "aviary.engagement.v1.EngagementService",
        "aviary.engagement.internal.v1.EngagementInternalService",
    },
    "timeline_svc": {"aviary.timeline.v1.TimelineService", "aviary.timeline.internal.v1.TimelineInternalService"},
    "timeline_svc-work": set(),
}
EVERYWHERE = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}
ADMIN = "aviary.mesh.internal.v1.MeshAdminService"


@pytest.fixture(scope="module")
def grpcurl() -> Path:
    """The real one."""
    return find_grpcurl()


async def test_every_recipe_prints_what_the_page_says(mesh: RunningMesh, api: Api, grpcurl: Path) -> None:
    """Bob's tweet is there before: in the end his follower must see it."""
    bob, follower = await sign_up_many(api, 2)
    await follow(api, follower, bob)
    dead = await _post_in_vain(mesh, api, bob)
    recipes = read_recipes(PAGE.read_text())
    comparison = Comparison()
    environment = ENVIRONMENT | {"PATH": f"{grpcurl.parent}:{ENVIRONMENT['PATH']}"}
    with open_shell(environment, ROOT) as shell:
        for recipe in recipes:
            await _agrees(recipe, for_this_mesh(recipe.command, mesh), shell, comparison)
    assert sum(recipe.kind != "" for recipe in recipes) >= 20
    await home_becomes(api, follower, [dead])


async def _post_in_vain(mesh: RunningMesh, api: Api, author: Person) -> int:
    """A tweet whose event the timelines' worker gives up: it is down, and the test says so in its name."""
    mesh.control("stop", "timeline_svc-work")
    try:
        tweet = await post(api, author, "hello?")
        given_up = events_pb2.Confirmation(
            event_ids=[tweet],
            status=events_pb2.CONFIRMATION_STATUS_DEAD,
            reason="ValueError: a mistake",
            consumer_group="timeline",
        )

        async def is_dead() -> bool:
            # Once more each time: a confirmation of an event that the relay has not read yet is lost.
            await nats.publish("confirm.tweet", given_up.SerializeToString())
            return bool(await Operator(mesh).dead_letters("tweet_svc"))

        async with await connect(mesh.find("nats")["address"]) as nats:
            await wait_until(is_dead)
    finally:
        mesh.control("start", "timeline_svc-work")
    return tweet


async def _agrees(recipe: Recipe, command: str, shell: Shell, comparison: Comparison) -> None:
    """Reads may be asked again: what they show takes a moment to arrive."""
    why = ""

    def is_as_said() -> bool:
        nonlocal why
        why = comparison.differs(recipe, shell.run(command))
        return not why

    try:
        await wait_until(is_as_said, at_most=5 if re.search(r"/(List|Get)\w+", command) else 0)
    except AssertionError:
        raise AssertionError(f"{recipe.command}\n{why}") from None


def test_a_page_that_says_something_else_is_found_out() -> None:
    comparison = Comparison()
    assert not comparison.differs(Recipe("", "json", '{"id": "<a>", "n": [1]}'), '{"id": "7", "n": [1]}')
    assert comparison.differs(Recipe("", "json", '{"id": "<a>"}'), '{"id": "8"}')
    assert comparison.differs(Recipe("", "json", '{"id": "<b>"}'), '{"id": "8", "more": 1}')
    assert comparison.differs(Recipe("", "json", '{"n": [1]}'), '{"n": [1, 2]}')
    assert not comparison.differs(Recipe("", "text", "one\n...\nlast <x>\n"), "one\ntwo\nthree\nlast of all\n")
    assert comparison.differs(Recipe("", "text", "one\n...\nlast\n"), "one\ntwo\n")


@pytest.mark.parametrize("process", CONTRACTS)
def test_every_service_lists_and_describes_itself_and_says_that_it_is_well(
    mesh: RunningMesh, grpcurl: Path, process: str
) -> None:
    address = mesh.find(process)["address"]

    def ask(*words: str) -> str:
        done = subprocess.run([grpcurl, "-plaintext", *words], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    served = set(ask(address, "list").split())
    assert CONTRACTS[process] | EVERYWHERE == served - {ADMIN}
    for contract in sorted(CONTRACTS[process]):
        assert f"service {contract.rpartition('.')[2]}" in ask(address, "describe", contract)
        for method in ask(address, "list", contract).split():
            assert re.search(r"is a method:\n// \w+", ask(address, "describe", method))
        assert json.loads(ask("-d", json.dumps({"service": contract}), address, "grpc.health.v1.Health/Check")) == {
            "status": "SERVING"
        }
    assert json.loads(ask(address, "grpc.health.v1.Health/Check")) == {"status": "SERVING"}

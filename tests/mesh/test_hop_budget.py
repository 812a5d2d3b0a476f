"""A home page costs one call of timeline_svc, one graph call and one engagement call, by the servers' own count."""

from __future__ import annotations

import asyncio
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from dev_mesh.http_client import open_http
from tests.mesh.support.actions import follow, home_becomes, post, sign_up_many
from tests.mesh.support.api import Api
from tests.mesh.support.running_mesh import RunningMesh

PAGES = 10
CALLS = "aviary_rpc_server_calls_total"
# Not made for a page: probes, and what workers do at any time.
ASIDE = ("grpc.health", "aviary.mesh")


async def _served(mesh: RunningMesh) -> Counter[str]:
    """Calls that every server has answered so far, by method, leaving the workers' own calls out."""
    calls: Counter[str] = Counter()
    for process in mesh.processes():
        if not process["service"].endswith("_svc"):
            continue
        base, _, target = process["metrics"].rpartition("/")
        async with open_http(base) as client:
            text = (await client.request("GET", f"/{target}")).body.decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == CALLS and not sample.labels["service"].startswith(ASIDE):
                    calls[sample.labels["method"]] += int(sample.value)
    return calls


async def test_a_warm_home_page_makes_one_graph_and_one_engagement_call_and_no_other(
    mesh: RunningMesh, api: Api
) -> None:
    viewer, *authors = await sign_up_many(api, 5)
    tweets = []
    for author in authors:
        await follow(api, viewer, author)
        tweets += [await post(api, author, f"number {number}") for number in range(3)]
    await home_becomes(api, viewer, tweets[::-1])
    before = await _quiet(mesh)
    for _ in range(PAGES):
        page = await api.get("/v1/timelines/home?page_size=20&expansions=EXPANSION_AUTHOR", by=viewer)
        assert len(page["items"]) == len(tweets)
        assert len(page["includes"]["users"]) == len(authors)
    made = await _served(mesh) - before
    assert dict(made) == {"ListHomeTimeline": PAGES, "GetReadContext": PAGES, "BatchGetEngagement": PAGES}


async def _quiet(mesh: RunningMesh) -> Counter[str]:
    """The counts once nobody calls anybody any more."""
    before = await _served(mesh)
    for _ in range(50):
        await asyncio.sleep(0.2)
        now = await _served(mesh)
        if now == before:
            return now
        before = now
    raise AssertionError(f"the services keep calling each other: {before}")

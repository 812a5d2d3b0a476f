"""`python -m dev_mesh seed` fills a mesh through its public API, and a rerun adds nothing twice."""

from __future__ import annotations

from pathlib import Path

from dev_mesh.texts import person
from tests.mesh.support.actions import walk
from tests.mesh.support.api import Api
from tests.mesh.support.running_mesh import RunningMesh, run_dev_mesh

GRAPH = "% three people\n10 11\n11 12\n10 12\n"


async def content(api: Api) -> tuple[list[list[str]], list[list[str]]]:
    """Texts and followees of the three."""
    texts, followees = [], []
    for number in range(3):
        account = await api.get(f"/v1/users/by-username/{person(number).username}")
        user_id = account["user"]["userId"]
        tweets = await walk(api, f"/v1/users/{user_id}/tweets", "tweets", page_size=100)
        texts.append([tweet["content"] for tweet in tweets])
        edges = await walk(api, f"/v1/users/{user_id}/following", "following")
        followees.append([edge["userId"] for edge in edges])
    return texts, followees


async def test_a_graph_is_loaded_once_however_often_it_is_run(mesh: RunningMesh, api: Api, tmp_path: Path) -> None:
    graph = tmp_path / "graph.edges"
    graph.write_text(GRAPH)
    command = ["seed", "--graph", str(graph), "--undirected", "--data-dir", str(mesh.data_dir), "--posts"]

    first = run_dev_mesh(*command, "10")
    assert first.returncode == 0, first.stderr
    assert "posts    [##############################] 10/10" in first.stdout
    texts, followees = await content(api)
    assert sum(map(len, texts)) == 10
    assert [len(each) for each in followees] == [2, 2, 2]

    again = run_dev_mesh(*command, "10")
    assert again.returncode == 0, again.stderr
    assert await content(api) == (texts, followees)

    more = run_dev_mesh(*command, "12")
    assert more.returncode == 0, more.stderr
    longer, _ = await content(api)
    assert sum(map(len, longer)) == 12
    assert all(old == new[-len(old) :] for old, new in zip(texts, longer, strict=True) if old)


def test_a_file_that_is_no_graph_is_refused(mesh: RunningMesh, tmp_path: Path) -> None:
    graph = tmp_path / "graph.edges"
    graph.write_text("ada grace\n")
    refused = run_dev_mesh("seed", "--graph", str(graph), "--data-dir", str(mesh.data_dir))
    assert refused.returncode == 1
    assert "graph.edges:1: 'ada grace'" in refused.stderr

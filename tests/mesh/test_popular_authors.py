"""An author who crosses the threshold, either way, changes nobody's page: pushed, pulled, or both at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.mesh.support.actions import home, sign_up_many
from tests.mesh.support.api import Api, Person, open_api
from tests.mesh.support.operator import Operator
from tests.mesh.support.running_mesh import RunningMesh, running_mesh
from tests.mesh.support.story import Story
from tests.support.wait_until import wait_until

# Three followers make an author popular, one makes them ordinary again.
SETTINGS = ("AVIARY_GRAPH_PULL_THRESHOLD=3", "AVIARY_GRAPH_PULL_BACK=1", "AVIARY_GRAPH_BOTH_SECONDS=1")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """A mesh of its own, beside the shared one."""
    flags = [word for setting in SETTINGS for word in ("--set", setting)]
    with running_mesh(Path(tmp_path_factory.mktemp("popular")) / "data", *flags) as running:
        yield running


@pytest.fixture
async def api(mesh: RunningMesh) -> AsyncIterator[Api]:
    """That mesh's API."""
    async with open_api(mesh.edge) as opened:
        yield opened


async def becomes(
    author_class: str, story: Story, operator: Operator, *, author: Person, viewers: list[Person]
) -> None:
    """Watch every page, while the author keeps writing, until the class is reached."""
    settled = {viewer: story.history.home_of(viewer) for viewer in viewers}

    async def is_there() -> bool:
        for viewer in viewers:
            seen = await home(story.api, viewer)
            assert sorted(set(seen), reverse=True) == seen
            assert [tweet for tweet in seen if tweet in settled[viewer]] == settled[viewer]
        await story.post(author)
        return await operator.author_class(author) == author_class

    await wait_until(is_there, at_most=30)
    await story.comes_true(viewers)


async def test_crossing_the_threshold_either_way_changes_no_page(mesh: RunningMesh, api: Api) -> None:
    story, operator = Story(api), Operator(mesh)
    author, *viewers = await sign_up_many(api, 6)
    await story.post_many(author, 3)
    for viewer in viewers[:2]:
        await story.follow(viewer, author)
    await becomes("PUSH", story, operator, author=author, viewers=viewers)

    for viewer in viewers[2:]:
        await story.follow(viewer, author)
    await story.comes_true(viewers)
    await becomes("PULL", story, operator, author=author, viewers=viewers)

    await story.unfollow(viewers[4], author)
    await story.comes_true(viewers)
    await story.follow(viewers[4], author)
    await story.comes_true(viewers)

    for viewer in viewers[1:]:
        await story.unfollow(viewer, author)
    await story.comes_true(viewers)
    await becomes("PUSH", story, operator, author=author, viewers=viewers)


async def test_a_pulled_and_a_pushed_author_are_one_list_at_any_page_size(mesh: RunningMesh, api: Api) -> None:
    story, operator = Story(api), Operator(mesh)
    author, other, *viewers = await sign_up_many(api, 5)
    await story.follow(viewers[0], other)
    for viewer in viewers:
        await story.follow(viewer, author)
    await becomes("PULL", story, operator, author=author, viewers=viewers)
    for _ in range(6):
        await story.post(author)
        await story.post(other)
    await story.comes_true(viewers)
    for page_size in (1, 3, 5):
        assert await home(api, viewers[0], page_size=page_size) == story.history.home_of(viewers[0])

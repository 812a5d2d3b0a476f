"""The mesh that most of these tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.mesh.support.api import Api, open_api
from tests.mesh.support.running_mesh import RunningMesh, running_mesh


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "/tests/mesh/" in item.path.as_posix():
            item.add_marker("mesh")


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """A mesh with the settings as they come."""
    with running_mesh(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture
async def api(mesh: RunningMesh) -> AsyncIterator[Api]:
    """The shared mesh's API."""
    async with open_api(mesh.edge) as opened:
        yield opened

"""The mesh that most of these tests share, and the figures that some of them leave in the summary."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.mesh.support.api import Api, open_api
from tests.mesh.support.running_mesh import RunningMesh, running_mesh

FIGURES = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "/tests/mesh/" in item.path.as_posix():
            item.add_marker("mesh")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the figures, whether output is captured or not."""
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Adds a line to the figures in the summary."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


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

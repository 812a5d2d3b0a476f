"""An edge in this process: in front of a contract it has never seen, and in front of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from edge_proxy.app import EdgeApp
from edge_proxy.config import EdgeConfig
from edge_proxy.descriptor_set import Contracts, read_descriptor_set
from edge_proxy.edge import open_edge
from mesh.caller import CURRENT_CALL
from tests.services.edge_proxy.stand_in import StandIn, standing_in
from tests.support.compiled import compile_protos
from tests.support.keys import write_keys
from tests.support.probe.server import compile_probe

HERE = Path(__file__).parent
DESCRIPTORS = HERE.parents[2] / "generated" / "descriptors.binpb"
LIBRARY = "library.v1.Library"


@pytest.fixture(autouse=True)
def no_call_in_progress() -> Iterator[None]:
    """Requests made by a test run in its own context, not in one of a connection."""
    token = CURRENT_CALL.set(None)
    yield
    CURRENT_CALL.reset(token)


@pytest.fixture(scope="session")
def library_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("library") / "library.binpb"
    file.write_bytes(compile_protos(HERE, "library.proto").SerializeToString())
    return file


@pytest.fixture(scope="session")
def probe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("probe") / "probe.binpb"
    file.write_bytes(compile_probe().SerializeToString())
    return file


@pytest.fixture(scope="session")
def library_contracts(library_file: Path) -> Contracts:
    return read_descriptor_set(library_file)


@pytest.fixture
async def library(library_contracts: Contracts) -> AsyncIterator[StandIn]:
    async with standing_in(library_contracts) as stand_in:
        yield stand_in


@pytest.fixture
async def edge(library: StandIn) -> AsyncIterator[EdgeApp]:
    """In front of the library, without keys."""
    targets = {LIBRARY: f"ipv4:127.0.0.1:{library.port}"}
    config = EdgeConfig(contracts=library.contracts, upstreams=targets)
    async with open_edge(config) as app:
        yield app


@pytest.fixture(scope="session")
def feed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("feed") / "feed.binpb"
    file.write_bytes(compile_protos(HERE, "feed.proto").SerializeToString())
    return file


@pytest.fixture(scope="session")
def feed_contracts(feed_file: Path) -> Contracts:
    return read_descriptor_set(feed_file)


@pytest.fixture
async def feed(feed_contracts: Contracts) -> AsyncIterator[StandIn]:
    """Streams, and answers that may be kept."""
    async with standing_in(feed_contracts, with_health=True) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def our_contracts() -> Contracts:
    return read_descriptor_set(DESCRIPTORS)


@pytest.fixture
async def mesh(our_contracts: Contracts) -> AsyncIterator[StandIn]:
    """Every public service of ours."""
    async with standing_in(our_contracts, with_health=True) as stand_in:
        yield stand_in


def opened(
    mesh: StandIn, *, jwks_file: Path | None = None, aliases: bool = True
) -> AbstractAsyncContextManager[EdgeApp]:
    """An edge in front of our own services."""
    targets = dict.fromkeys(mesh.contracts.services, f"ipv4:127.0.0.1:{mesh.port}")
    config = EdgeConfig(contracts=mesh.contracts, upstreams=targets, jwks_file=jwks_file, aliases=aliases)
    return open_edge(config)


@pytest.fixture
async def our_edge(mesh: StandIn, tmp_path: Path) -> AsyncIterator[EdgeApp]:
    """In front of our own services, with keys."""
    jwks_file, _ = write_keys(tmp_path)
    async with opened(mesh, jwks_file=jwks_file) as app:
        yield app

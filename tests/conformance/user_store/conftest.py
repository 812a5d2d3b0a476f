"""Each test of this suite runs on every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conformance.user_store.cases import BACKENDS, Open, Opened
from user_svc.store import SessionStore, UserStore


@pytest.fixture(params=BACKENDS)
def open_backend(request: pytest.FixtureRequest) -> Open:
    return BACKENDS[request.param]


@pytest_asyncio.fixture
async def opened(open_backend: Open, tmp_path: Path) -> AsyncIterator[Opened]:
    async with open_backend(tmp_path) as opened:
        yield opened


@pytest.fixture
def users(opened: Opened) -> UserStore:
    return opened.users


@pytest.fixture
def sessions(opened: Opened) -> SessionStore:
    return opened.sessions

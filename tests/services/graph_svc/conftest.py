"""graph_svc as it runs, beside a user_svc that knows five accounts; no NATS, so events wait in the outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from graph_svc.app import open_service
from graph_svc.config import GraphConfig
from tests.services.graph_svc.callers import Callers
from tests.support.known_users import KnownUsers, known_users
from tests.support.running import a_mesh_config, running


@pytest.fixture
def users() -> KnownUsers:
    return KnownUsers(["ann", "bob", "cyd", "dan", "eve"])


@pytest.fixture
async def graph(tmp_path: Path, redis_url: str, users: KnownUsers) -> AsyncIterator[Callers]:
    async with known_users(users) as user_svc:
        mesh = a_mesh_config(tmp_path, bus_url="nats://127.0.0.1:1", redis_url=redis_url, user_target=user_svc.target)
        async with open_service(GraphConfig(mesh)) as service, running(service) as graph_svc:
            yield Callers(graph_svc)

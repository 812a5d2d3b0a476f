"""The backends of the bus. To add one: a function in tests/support/buses.py, and its name here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.buses import Backend, jetstream_backend, memory_backend


@pytest.fixture(params=["memory", "jetstream"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """Every bus in turn, without a message on it."""
    if request.param == "memory":
        yield memory_backend()
        return
    async with jetstream_backend(request.getfixturevalue("nats_url")) as jetstream:
        yield jetstream

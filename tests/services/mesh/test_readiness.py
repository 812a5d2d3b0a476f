"""What happens when a service becomes ready, and when it does so again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.clock import SystemClock
from mesh.errors import Unavailable
from mesh.process import Service, living
from mesh.tokens import TokenVerifier
from tests.support.keys import write_keys
from tests.support.wait_until import wait_until


class Backend:
    """May be asked, when it is up."""

    def __init__(self) -> None:
        self.is_up = False
        self.asked = 0

    async def ready(self) -> None:
        self.asked += 1
        if not self.is_up:
            raise Unavailable.backend("the store")


@asynccontextmanager
async def living_on(
    backend: Backend, heard: list[str], folder: Path, *, work: Sequence[Callable[[], Awaitable[None]]] = ()
) -> AsyncIterator[None]:
    jwks_file, _ = write_keys(folder)
    clock = SystemClock()
    service = Service(name="tweet_svc", served=[], work=work, ready=backend.ready)
    async with living(
        service,
        role="all",
        listen="127.0.0.1:0",
        verifier=TokenVerifier(jwks_file, clock),
        clock=clock,
        once_ready=lambda: heard.append("ready"),
        once_failing=lambda: heard.append("failing"),
    ):
        yield


async def test_a_service_that_is_ready_says_so_once(tmp_path: Path) -> None:
    backend, heard = Backend(), list[str]()
    backend.is_up = True
    async with living_on(backend, heard, tmp_path):
        assert heard == ["ready"]
        await wait_until(lambda: backend.asked >= 2)
    assert heard == ["ready"]


async def test_a_service_is_first_ready_when_its_store_is_and_not_again_after_a_failure(tmp_path: Path) -> None:
    backend, heard = Backend(), list[str]()
    async with living_on(backend, heard, tmp_path):
        assert heard == []
        backend.is_up = True
        await wait_until(lambda: heard == ["ready"])
        backend.is_up = False
        await asked_twice(backend)
        backend.is_up = True
        await asked_twice(backend)
    assert heard == ["ready"]


async def test_a_loop_that_fails_is_told_before_the_rest_is_ended(tmp_path: Path) -> None:
    backend, heard, may_fail = Backend(), list[str](), asyncio.Event()

    async def fail() -> None:
        await may_fail.wait()
        raise ValueError("broken")

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            heard.append("ended")

    async def live() -> None:
        async with living_on(backend, heard, tmp_path, work=[fail, last]):
            may_fail.set()
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await live()
    assert heard == ["failing", "ended"]


async def asked_twice(backend: Backend) -> None:
    before = backend.asked
    await wait_until(lambda: backend.asked >= before + 2)

"""Work that goes on after an answer: owned, bounded, and free of the call that began it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from mesh.caller import CURRENT_CALL, Call, Caller
from mesh.errors import Unavailable
from timeline_svc.home.errands import open_errands


async def test_what_is_left_at_the_end_is_cancelled_and_awaited() -> None:
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with open_errands() as errands:
        task = errands.start(forever(), name="forever")
        await asyncio.sleep(0)
    assert task is not None
    assert task.cancelled()
    assert ended.is_set()


async def test_nothing_is_begun_beyond_the_most() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    async with open_errands(most=1) as errands:
        assert errands.start(forever(), name="one")
        assert errands.start(forever(), name="two") is None


async def test_an_errand_is_not_part_of_the_call_that_began_it() -> None:
    async def who() -> Call | None:
        return CURRENT_CALL.get()

    token = CURRENT_CALL.set(Call(Caller(user_id=1), "request", 0.0))
    async with open_errands() as errands:
        task = errands.start(who(), name="who")
        assert task is not None
        assert await task is None
    CURRENT_CALL.reset(token)


@pytest.mark.parametrize(("failure", "level"), [(Unavailable.backend("x"), logging.INFO), (KeyError(), logging.ERROR)])
async def test_a_failure_that_nobody_awaits_is_logged(
    failure: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise failure

    caplog.set_level(logging.INFO)
    async with open_errands() as errands:
        task = errands.start(fails(), name="an errand")
        assert task is not None
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert [(record.levelno, "an errand" in record.getMessage()) for record in caplog.records] == [(level, True)]

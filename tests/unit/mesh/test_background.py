"""A task beside a block lives as long as the block, and its failure is the block's."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from mesh.background import background


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def test_the_task_runs_until_the_block_ends() -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("begun")
        try:
            await wait_for_ever()
        finally:
            steps.append("cancelled")

    async with background(work(), name="work"):
        await asyncio.sleep(0)
        steps.append("block")
    assert steps == ["begun", "block", "cancelled"]


async def test_a_failure_of_the_task_ends_the_block_and_is_raised_there() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        async with background(work(), name="work"):
            await wait_for_ever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_failure_of_the_block_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with background(wait_for_ever(), name="work"):
            raise KeyError


async def test_a_task_that_is_over_early_ends_nothing() -> None:
    async def work() -> None:
        return

    turns = 0
    async with background(work(), name="work"):
        for _ in range(3):
            await asyncio.sleep(0)
            turns += 1
    assert turns == 3


async def test_a_block_that_is_cancelled_from_outside_stays_cancelled() -> None:
    async def block() -> None:
        async with background(wait_for_ever(), name="work"):
            await wait_for_ever()

    task = asyncio.ensure_future(block())  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_while_the_task_is_being_stopped_is_not_lost() -> None:
    async def work() -> None:
        try:
            await wait_for_ever()
        finally:
            raise ValueError("broken at the end")

    with pytest.raises(ValueError, match="broken at the end"):
        async with background(work(), name="work"):
            await asyncio.sleep(0)


async def test_a_cancellation_that_is_lost_is_repeated() -> None:
    lost = 0

    async def work() -> None:
        nonlocal lost
        while lost < 2:
            with suppress(asyncio.CancelledError):
                await wait_for_ever()
            lost += 1
        await wait_for_ever()

    async with asyncio.timeout(10), background(work(), name="work"):
        await asyncio.sleep(0)
    assert lost == 2

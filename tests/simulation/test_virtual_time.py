"""The loop of the simulation: time that jumps, steps in one order, and no way out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.simulation.faults import Process
from tests.simulation.virtual_time import LeftTheSimulation, NeverQuiet, VirtualClock, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.close()


async def in_a_thread() -> None:
    await asyncio.to_thread(print)


async def by_name() -> None:
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)


async def over_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        await asyncio.open_connection(sock=ours)


async def from_another_thread() -> None:
    asyncio.get_running_loop().call_soon_threadsafe(print)


@pytest.mark.parametrize("way_out", [in_a_thread, by_name, over_a_socket, from_another_thread])
def test_who_leaves_the_simulation_is_told_where(loop: VirtualLoop, way_out: Callable[[], Awaitable[None]]) -> None:
    async def call() -> None:
        await way_out()

    with pytest.raises(LeftTheSimulation) as left:
        loop.run_until_complete(call())
    assert way_out.__name__ in [entry.name for entry in left.traceback]


def test_a_day_is_over_at_once(loop: VirtualLoop) -> None:
    clock = VirtualClock(loop, offset_us=7)
    before_us = clock.now_us()
    loop.run_until_complete(asyncio.sleep(86_400))
    assert (clock.monotonic(), clock.now_us() - before_us) == (86_400, 86_400_000_000)


def test_timers_go_off_in_the_order_of_their_times(loop: VirtualLoop) -> None:
    heard: list[float] = []

    async def hear(after: float) -> None:
        await asyncio.sleep(after)
        heard.append(loop.time())

    async def all_of_them() -> None:
        await asyncio.gather(*(hear(after) for after in (3.0, 1.0, 2.0, 1.0)))

    loop.run_until_complete(all_of_them())
    assert heard == [1.0, 1.0, 2.0, 3.0]


def test_timeouts_that_nobody_needed_do_not_hold_up_the_others(loop: VirtualLoop) -> None:
    async def many() -> None:
        for _ in range(1_000):
            async with asyncio.timeout(3_600):
                await asyncio.sleep(0.001)
        assert len(loop._scheduled) < 100

    async def beside_one_who_waits() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(600))
            group.create_task(many())

    loop.run_until_complete(beside_one_who_waits())
    assert loop.time() == pytest.approx(600)


def test_what_can_never_happen_is_no_endless_wait(loop: VirtualLoop) -> None:
    with pytest.raises(NeverQuiet):
        loop.run_until_complete(asyncio.Event().wait())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))


def test_a_process_dies_with_all_that_it_began_and_cleans_nothing_up(loop: VirtualLoop) -> None:
    process = Process("worker", loop)
    effects: list[str] = []

    async def child() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            process.check()
            effects.append("cleaned up")

    async def parent() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    async def kill_later() -> None:
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(0.001)
        assert loop.tasks_of(process) == []

    task = loop.start_for(process, parent())
    loop.run_until_complete(kill_later())
    assert task.cancelled()
    assert effects == []


def test_a_process_that_stands_still_takes_no_step_and_then_goes_on_where_it_was(loop: VirtualLoop) -> None:
    ours, theirs = Process("ours", loop), Process("theirs", loop)
    steps: list[tuple[str, float]] = []

    async def tick(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            steps.append((name, loop.time()))

    loop.start_for(ours, tick("ours"))
    last = loop.start_for(theirs, tick("theirs"))
    loop.call_later(1.5, loop.stand_still, theirs, 4.0)
    loop.run_until_complete(last)
    assert [at for name, at in steps if name == "ours"] == [1.0, 2.0, 3.0]
    assert [at for name, at in steps if name == "theirs"] == [1.0, 5.5, 6.5]


def test_all_go_on_at_once_when_everything_is_mended(loop: VirtualLoop) -> None:
    process = Process("worker", loop)

    async def tick() -> float:
        await asyncio.sleep(1)
        return loop.time()

    task = loop.start_for(process, tick())
    loop.call_later(0.5, loop.stand_still, process, 60.0)
    loop.call_later(2.0, loop.all_go_on)
    assert loop.run_until_complete(task) == pytest.approx(2.0)

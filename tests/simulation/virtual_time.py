"""A loop whose time jumps to the next timer when nothing is ready: nobody waits, and one seed is one order of steps.

Nothing in it may touch the world outside: a socket, a thread or an executor is a failure that says where.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, NoReturn, cast

from mesh.clock import Clock

START_US = 1_800_000_000_000_000
MOST_STEPS = 400_000
MOST_CANCELLED = 60


class LeftTheSimulation(BaseException):
    """Something asked for real I/O or for a thread; the stack says who. Not an Exception: nobody may handle it."""


class NeverQuiet(BaseException):
    """The run does not come to an end: nothing is left that could happen, or ever more happens."""


class SimulatedTask(asyncio.Task[Any]):
    """A task with a number in place of its address, so that sets of tasks have one order; and whose it is."""

    number: int
    owner: object

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """`steps` counts its turns; `at_step` has something done before one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.most_steps = MOST_STEPS
        self._now = 0.0
        self.tasks_made = 0
        self._at_steps: dict[int, Callable[[], None]] = {}
        self.owner_of_next: object = None
        self._ready: deque[Any]
        self._scheduled: list[Any]
        self._timers_made = 0
        self._timer_cancelled_count = 0
        self._held: dict[object, list[asyncio.Handle]] = {}
        self.set_task_factory(cast("Any", _make_task))

    def time(self) -> float:
        return self._now

    def start_for(self, owner: object, work: Coroutine[Any, Any, Any]) -> SimulatedTask:
        """A task that belongs to `owner`, as do those that it starts."""
        self.owner_of_next = owner
        try:
            return cast("SimulatedTask", self.create_task(work))
        finally:
            self.owner_of_next = None

    def tasks_of(self, owner: object) -> list[SimulatedTask]:
        """Those that are not done, oldest first."""
        tasks = [cast("SimulatedTask", task) for task in asyncio.all_tasks(self)]
        return sorted((task for task in tasks if task.owner is owner), key=lambda task: task.number)

    def at_step(self, later: int, do: Callable[[], None]) -> None:
        """Have it done before the step that is so many steps away: between two awaits of whoever runs then."""
        step = self.steps + 1 + later
        while step in self._at_steps:
            step += 1
        self._at_steps[step] = do

    def stand_still(self, owner: object, seconds: float) -> None:
        """For so long no task of `owner` takes a step, as in a stopped process; then all go on where they are."""
        self._held.setdefault(owner, [])
        self.call_later(seconds, self._go_on, owner)

    def all_go_on(self) -> None:
        """Nobody stands still any more."""
        for owner in list(self._held):
            self._go_on(owner)

    def _go_on(self, owner: object) -> None:
        self._ready.extend(self._held.pop(owner, ()))

    def call_off_steps(self) -> None:
        """What `at_step` was told and has not come is not done."""
        self._at_steps.clear()

    def run_in_executor(self, executor: object, func: Callable[..., object], *args: object) -> NoReturn:
        raise LeftTheSimulation(f"a thread was asked for, to run {func}")

    def call_soon_threadsafe(self, *call: Any, context: Any = None) -> NoReturn:  # type: ignore[override]  # any call
        raise LeftTheSimulation(f"another thread calls {call}")

    def _make_socket_transport(self, *_transport: Any, **_named: Any) -> NoReturn:
        raise LeftTheSimulation("a socket was asked for")

    def call_at(  # type: ignore[override]  # any arguments
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As the base's; timers lie in tuples with a number, which a heap compares without calling Python."""
        timer: Any = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._scheduled, (when, self._timers_made, timer))
        timer._scheduled = True
        return cast("asyncio.TimerHandle", timer)

    async def pause(self, seconds: float) -> None:
        """As asyncio.sleep, in half of its time: half of all that happens is this."""
        done = self.create_future()
        timer = self.call_at(self._now + seconds, _end, done)
        try:
            await done
        finally:
            timer.cancel()

    def _run_once(self) -> None:
        """As the base's, which asks a selector how long to sleep. Here the next timer is now."""
        self.steps += 1
        if self.steps > self.most_steps:
            self.most_steps += MOST_STEPS  # for whoever ends the tasks that are left
            raise NeverQuiet(f"no end after {MOST_STEPS} steps, at {self._now:.1f} s")
        if self._at_steps and self.steps in self._at_steps:
            self._at_steps.pop(self.steps)()
        if self._timer_cancelled_count > MOST_CANCELLED:
            self._forget_cancelled()
        ready, timers = self._ready, self._scheduled
        while timers and (timers[0][2]._cancelled or not ready or timers[0][0] <= self._now):
            when, _, timer = heapq.heappop(timers)
            timer._scheduled = False
            if timer._cancelled:
                self._timer_cancelled_count -= 1
            else:
                self._now = max(self._now, when)
                ready.append(timer)
        if not ready:
            raise NeverQuiet("nothing is left that could happen")
        for _ in range(len(ready)):
            handle = ready.popleft()
            if self._held and (held := self._held.get(_owner_of(handle))) is not None:
                held.append(handle)
            elif not handle._cancelled:
                handle._run()

    def _forget_cancelled(self) -> None:
        """Most timeouts are over before their time; their timers would make every other one slow."""
        timers = [timer for timer in self._scheduled if not timer[2]._cancelled]
        heapq.heapify(timers)
        self._scheduled[:] = timers
        self._timer_cancelled_count = 0


def _end(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _owner_of(handle: asyncio.Handle) -> object:
    """Whose task takes a step with it; None for what is nobody's, such as a timer."""
    task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # a step is a method of its task
    return task.owner if isinstance(task, SimulatedTask) else None


def _make_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], context: Context | None = None
) -> SimulatedTask:
    virtual = cast("VirtualLoop", loop)
    virtual.tasks_made += 1
    task = SimulatedTask.__new__(SimulatedTask)
    task.number = virtual.tasks_made
    parent: Any = asyncio.tasks._current_tasks.get(loop)  # type: ignore[attr-defined]  # `current_task` takes thrice
    task.owner = virtual.owner_of_next or (parent.owner if parent else None)
    task.__init__(work, loop=loop, context=context)  # type: ignore[misc]  # the number is needed before it is kept
    return task


class VirtualClock(Clock):
    """The loop's time as one process sees it: its wall clock may be wrong by `offset_us`."""

    def __init__(self, loop: VirtualLoop, offset_us: int = 0) -> None:
        self._loop = loop
        self._offset_us = START_US + offset_us

    def now_us(self) -> int:
        return self._offset_us + int(self._loop.time() * 1_000_000)

    def monotonic(self) -> float:
        return self._loop.time()

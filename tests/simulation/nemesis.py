"""What befalls whole parts: processes die between two steps, Redis is emptied, the broker forgets, stores go away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from tests.simulation.faults import Faults
from tests.simulation.history import History
from tests.simulation.network import Host
from tests.simulation.services import SimulatedMesh
from tests.simulation.virtual_time import VirtualLoop

FEWEST, MOST = 3, 7
MOST_STEPS_AWAY = 40
# Seconds. Longer than a message waits for its ack.
LONGEST_STOP = 2.5
# In so many runs Redis evicts so often, that timelines are built all the time; in so many, processes stop so often.
SHORT_OF_MEMORY, JERKY, TIMES = 0.3, 0.4, 15
STORES = ("tweet store", "graph store", "redis")
MORTAL = ("tweet", "graph", "timeline", "worker", "other worker", "engagement")


# Often one who works on timelines: it goes on with what it knew before.
STOPPED = ("tweet", "graph", "timeline", *("worker", "other worker") * 2)


class Nemesis:
    """Strikes `FEWEST` to `MOST` times while users live, and at the end mends everything."""

    def __init__(
        self,
        mesh: SimulatedMesh,
        faults: Faults,
        history: History,
        *,
        chance: Random,
        loop: VirtualLoop,
        spares_redis: bool,
    ) -> None:
        self._mesh = mesh
        self._faults = faults
        self._history = history
        self._chance = chance
        self._loop = loop
        self._spares_redis = spares_redis
        self._pending: set[asyncio.Task[None]] = set()

    async def strike(self, lasts: float) -> None:
        """Within so many seconds."""
        times = sorted(self._chance.random() * lasts for _ in range(self._chance.randint(FEWEST, MOST)))
        often = [self._evict] * (not self._spares_redis and self._chance.random() < SHORT_OF_MEMORY)
        often += [self._stop] * (self._chance.random() < JERKY)
        for at in times:
            while often and self._loop.time() + lasts / TIMES < at:
                await asyncio.sleep(lasts / TIMES)
                for blow in often:
                    blow()
            await asyncio.sleep(max(0.0, at - self._loop.time()))
            blows = {
                self._kill: 8,
                self._stop: 6,
                self._forget: 2,
                self._lose_bus: 1,
                self._lose_store: 3,
                self._empty_redis: 0 if self._spares_redis else 3,
                self._evict: 0 if self._spares_redis else 2,
            }
            self._chance.choices(list(blows), weights=list(blows.values()))[0]()

    def mend(self) -> None:
        """Everything is there again, and calls do not fail."""
        self._loop.call_off_steps()
        self._loop.all_go_on()
        for task in self._pending:
            task.cancel()
        self._faults.is_on = False
        self._faults.away.clear()
        self._mesh.bus.come_back()
        self._mesh.start()

    def _kill(self) -> None:
        host = self._some_host(MORTAL)
        until = 0.02 + self._chance.random() ** 2 * 2

        def now() -> None:
            self._tell(f"{host.name} is killed")
            host.kill()
            self._later(until, host.start)

        self._loop.at_step(self._chance.randrange(MOST_STEPS_AWAY), now)

    def _stop(self) -> None:
        host = self._some_host(STOPPED)
        seconds = self._chance.random() ** 3 * LONGEST_STOP

        def now() -> None:
            if host.process is not None:
                self._tell(f"{host.name} stands still")
                self._loop.stand_still(host.process, seconds)

        self._loop.at_step(self._chance.randrange(MOST_STEPS_AWAY), now)

    def _some_host(self, names: tuple[str, ...]) -> Host:
        return self._mesh.hosts.get(self._chance.choice(names), self._mesh.hosts["worker"])

    def _empty_redis(self) -> None:
        self._tell("Redis is emptied")
        self._history.redis_emptied_at = self._loop.time()
        self._mesh.redis.forget_all()
        self._mesh.homes.forget_all()
        self._mesh.lists.forget_all()

    def _evict(self) -> None:
        self._tell("Redis evicts some timelines")
        for store in (self._mesh.homes, self._mesh.lists):
            for owner_id in self._mesh.users.users.values():
                if self._chance.random() < 0.5:
                    store.forget(owner_id.user_id)

    def _forget(self) -> None:
        self._tell("the broker forgets everything")
        self._mesh.bus.forget()

    def _lose_bus(self) -> None:
        self._tell("the broker is away")
        self._mesh.bus.go_away()
        self._later(self._chance.random() * 4, self._mesh.bus.come_back)

    def _lose_store(self) -> None:
        name = self._chance.choice(STORES)
        self._tell(f"{name} is away")
        self._faults.away.add(name)
        self._later(self._chance.random() * 2, lambda: self._faults.away.discard(name))

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            do()

        task = self._loop.start_for(None, wait())
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    def _tell(self, what: str) -> None:
        self._faults.made[what] += 1
        self._history.tell(self._loop.time(), f"** {what}")

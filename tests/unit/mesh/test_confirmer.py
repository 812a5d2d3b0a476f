"""Confirmations are gathered, and nobody goes on before theirs was handed to the broker."""

from __future__ import annotations

import asyncio

from aviary.events.v1 import events_pb2
from mesh.events.confirm import Confirmer
from tests.support.wait_until import wait_until


class HeldBus:
    """Confirms, and nothing else; and that not until it is let go."""

    def __init__(self) -> None:
        self.asked: list[events_pb2.Confirmation] = []
        self.go = asyncio.Event()

    async def confirm(self, owner: str, payload: bytes) -> None:
        self.asked.append(events_pb2.Confirmation.FromString(payload))
        await self.go.wait()


async def test_everybody_in_a_batch_waits_until_it_was_sent() -> None:
    bus = HeldBus()
    confirmer = Confirmer(bus, "timeline")  # type: ignore[arg-type]  # it asks for nothing else
    tasks = [asyncio.ensure_future(confirmer.done("tweet", event_id)) for event_id in (1, 2, 3)]  # noqa: TID251 - awaited below
    await wait_until(lambda: bus.asked)
    assert [list(confirmation.event_ids) for confirmation in bus.asked] == [[1, 2, 3]]
    assert not any(task.done() for task in tasks)
    bus.go.set()
    await asyncio.gather(*tasks)


async def test_owners_are_told_apart() -> None:
    bus = HeldBus()
    bus.go.set()
    confirmer = Confirmer(bus, "timeline")  # type: ignore[arg-type]  # it asks for nothing else
    await asyncio.gather(confirmer.done("tweet", 1), confirmer.done("graph", 2))
    assert sorted(list(confirmation.event_ids) for confirmation in bus.asked) == [[1], [2]]


async def test_the_others_are_confirmed_although_the_first_was_cancelled() -> None:
    bus = HeldBus()
    bus.go.set()
    confirmer = Confirmer(bus, "timeline")  # type: ignore[arg-type]  # it asks for nothing else
    first = asyncio.ensure_future(confirmer.done("tweet", 1))  # noqa: TID251 - awaited below
    second = asyncio.ensure_future(confirmer.done("tweet", 2))  # noqa: TID251 - awaited below
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
    assert [list(confirmation.event_ids) for confirmation in bus.asked] == [[1, 2]]

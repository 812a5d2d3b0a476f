"""An event that is given up by a process which ends in the middle of that: it is a dead letter once, and not lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aviary.events.v1 import events_pb2
from mesh.events.consume import Outcome
from mesh.failpoints import FailpointReached
from tests.support.buses import Backend
from tests.support.consumers import all_acked, announce, consuming
from tests.support.failpoints import armed
from tests.support.outboxes import a_tweet_created, sqlite_outbox
from tests.support.relays import Group, event_ids, relay
from tests.support.wait_until import wait_until


async def poison(event: events_pb2.Event) -> Outcome:
    raise ValueError("poison")


async def test_a_group_that_dies_after_it_said_dead_says_so_again(backend: Backend) -> None:
    heard: list[events_pb2.Confirmation] = []
    await backend.bus.on_confirmation(
        "tweet", lambda payload: heard.append(events_pb2.Confirmation.FromString(payload))
    )

    async def work(until: Callable[[], object]) -> None:
        async with consuming(backend.bus, poison):
            await wait_until(until, at_most=30)

    await announce(backend.bus, 1)
    with armed("consumer.given_up:raise@1"), pytest.RaisesGroup(FailpointReached, flatten_subgroups=True):
        await work(until=lambda: None)
    assert not await all_acked(backend.bus)
    await work(until=lambda: all_acked(backend.bus))
    assert [(list(each.event_ids), each.status) for each in heard] == [([1], events_pb2.CONFIRMATION_STATUS_DEAD)] * 2


async def test_a_relay_that_dies_when_a_row_was_buried_leaves_one_dead_letter(backend: Backend, tmp_path: Path) -> None:
    timeline = await Group.join(backend.bus, "timeline")
    engagement = await Group.join(backend.bus, "engagement")
    async with sqlite_outbox(tmp_path) as stored:

        async def dead() -> list[int]:
            return [row.event.event_id for row in await stored.outbox.dead(after=0, limit=9)]

        async def is_empty() -> bool:
            return not await stored.outbox.pending(after=0, limit=9)

        async def give_one_up() -> None:
            async with relay(stored.outbox, backend.bus):
                await stored.append(a_tweet_created(1))
                await timeline.take()
                await timeline.refuse(1, "poison")
                await wait_until(lambda: None, at_most=30)

        with armed("outbox.row_buried:raise@1"), pytest.RaisesGroup(FailpointReached, flatten_subgroups=True):
            await give_one_up()
        async with relay(stored.outbox, backend.bus):
            await engagement.take()
            await stored.append(a_tweet_created(2))
            for group in (timeline, engagement):
                assert event_ids(await group.take()) == [2]
                await group.confirm(2)
            await wait_until(is_empty)
        assert await dead() == [1]

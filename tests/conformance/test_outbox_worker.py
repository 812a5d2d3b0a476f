"""An event stays in the outbox until its effects are confirmed, and is published again until then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from aviary.events.v1 import events_pb2
from mesh.events.interface import BusUnavailable, Outbox, OutboxEvent
from mesh.events.memory import MemoryBus
from mesh.metrics import Metrics
from tests.support.buses import GLANCE, Backend
from tests.support.outboxes import BACKENDS, StoredOutbox, a_tweet_created, a_user_changed
from tests.support.relays import Group, event_ids, relay
from tests.support.wait_until import wait_until

LATER = timedelta(minutes=5)


@pytest.fixture(params=BACKENDS)
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoredOutbox]:
    async with BACKENDS[request.param](tmp_path, None) as opened:
        yield opened


@pytest.fixture
async def timeline(backend: Backend) -> Group:
    return await Group.join(backend.bus, "timeline")


@pytest.fixture
async def engagement(backend: Backend) -> Group:
    return await Group.join(backend.bus, "engagement")


@pytest.fixture
async def witness(backend: Backend) -> Group:
    """A group that nobody asks: it sees how often an event is published."""
    return await Group.join(backend.bus, "witness")


async def rows(outbox: Outbox) -> list[int]:
    return [row.event.event_id for row in await outbox.pending(after=0, limit=1_000)]


async def until_empty(outbox: Outbox) -> None:
    async def is_empty() -> bool:
        return not await rows(outbox)

    await wait_until(is_empty)


async def until_dead(outbox: Outbox, event_id: int) -> None:
    async def is_dead() -> bool:
        letters = await outbox.dead(after=0, limit=10)
        return [letter.event.event_id for letter in letters] == [event_id] and await outbox.get(event_id) == letters[0]

    await wait_until(is_dead)


async def test_an_event_is_deleted_when_every_required_group_has_confirmed(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus):
        await stored.append(a_tweet_created(1))
        for group in (timeline, engagement):
            assert await rows(stored.outbox) == [1]
            assert event_ids(await group.take()) == [1]
            await group.confirm(1)
        await until_empty(stored.outbox)


async def test_half_a_confirmation_keeps_the_row(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus, repeat_after=LATER) as worker:
        await stored.append(a_tweet_created(1), a_tweet_created(2))
        await timeline.take(count=2)
        await timeline.confirm(1, 2)
        await engagement.take(count=2)
        await engagement.confirm(2)
        await wait_until(lambda: worker.progress(2) is None)
        progress = worker.progress(1)
        assert progress is not None
        assert progress.published_count == 1
        assert progress.missing_groups == {"engagement"}
        assert LATER - timedelta(minutes=1) < progress.next_attempt_in <= LATER
    assert await rows(stored.outbox) == [1]


async def test_a_lost_confirmation_costs_one_repeat_for_the_group_that_is_missing(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group, witness: Group
) -> None:
    async with relay(stored.outbox, backend.bus):
        await stored.append(a_tweet_created(1))
        await timeline.take()
        await timeline.confirm(1)
        [first] = await engagement.take()
        assert first.groups == frozenset()
        [again] = await engagement.take()
        assert event_ids([again]) == [1]
        assert again.groups == {"engagement"}
        await engagement.confirm(1)
        await until_empty(stored.outbox)
        assert len(await witness.take(count=2)) == 2
        assert await witness.subscription.fetch(limit=9, wait=GLANCE) == []


async def test_an_event_that_waits_in_the_stream_for_a_slow_group_is_not_published_again(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus) as worker:
        await stored.append(a_tweet_created(1))
        await timeline.take()
        await engagement.take()
        await engagement.confirm(1)
        await stored.append(a_tweet_created(2))
        await timeline.take()
        await timeline.confirm(1, 2)
        await stored.append(a_tweet_created(3))  # engagement is asleep, timeline loses two confirmations
        await timeline.take()
        await timeline.take()
        await timeline.take()
        await wait_until(lambda: (third := worker.progress(3)) and third.published_count >= 3)
        second = worker.progress(2)
        assert second is not None
        assert second.published_count == 1
        assert second.missing_groups == {"engagement"}


async def test_a_dead_event_stays_as_a_dead_letter_and_the_others_flow(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    metrics = Metrics()
    async with relay(stored.outbox, backend.bus, metrics=metrics):
        await stored.append(a_tweet_created(1), a_tweet_created(2))
        await timeline.take(count=2)
        await engagement.take(count=2)
        await timeline.refuse(1, "ValueError: poison")
        await engagement.confirm(1, 2)
        await timeline.confirm(2)
        await until_empty(stored.outbox)
        await until_dead(stored.outbox, 1)
        [letter] = await stored.outbox.dead(after=0, limit=10)
        assert (letter.event.event_id, letter.dead_group, letter.dead_reason) == (1, "timeline", "ValueError: poison")
        await wait_until(lambda: metrics.registry.get_sample_value("aviary_outbox_dead_letters") == 1)


async def test_a_revived_dead_letter_is_published_at_once_and_for_all(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus, repeat_after=LATER):
        await stored.append(a_tweet_created(1))
        await timeline.take()
        await engagement.take()
        await timeline.refuse(1, "no")
        await until_dead(stored.outbox, 1)
        assert await stored.outbox.revive([1]) == [1]
        for group in (timeline, engagement):
            [again] = await group.take()
            assert (event_ids([again]), again.groups) == ([1], frozenset())
            await group.confirm(1)
        await until_empty(stored.outbox)
        assert await stored.outbox.dead(after=0, limit=10) == []


async def test_confirmations_that_mean_nothing_are_ignored(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group, witness: Group
) -> None:
    async with relay(stored.outbox, backend.bus, repeat_after=LATER) as worker:
        await stored.append(a_tweet_created(1))
        await timeline.take()
        await backend.bus.confirm("tweet", b"\xff not a message")
        await witness.confirm(1)
        await witness.refuse(1, "nobody asked")
        await timeline.confirm(99, owner="graph")
        await timeline.confirm(99, 1)
        await wait_until(lambda: (progress := worker.progress(1)) and progress.missing_groups == {"engagement"})
        await engagement.confirm(1)
        await until_empty(stored.outbox)
        assert await stored.outbox.dead(after=0, limit=10) == []


async def test_when_the_stream_is_lost_everything_unconfirmed_is_published_at_once(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus, repeat_after=LATER):
        await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 21)))
        await timeline.take(count=20)
        await timeline.confirm(*range(1, 11))
        backend.forget()
        for group, wanted in ((timeline, range(11, 21)), (engagement, range(1, 21))):
            seen: set[int] = set()
            while not seen >= set(wanted):
                deliveries = await group.take()
                assert deliveries, f"only {sorted(seen)} arrived"
                seen |= set(event_ids(deliveries))
            await group.confirm(*wanted)
        await until_empty(stored.outbox)


async def test_an_event_that_nobody_must_confirm_goes_when_it_is_published(
    backend: Backend, stored: StoredOutbox, timeline: Group
) -> None:
    async with relay(stored.outbox, backend.bus, service="user"):
        await stored.append(a_user_changed(1))
        await until_empty(stored.outbox)
        assert event_ids(await timeline.take()) == [1]


async def test_the_owners_own_effect_is_made_before_the_event_is_published(
    backend: Backend, stored: StoredOutbox, timeline: Group
) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def own(event: events_pb2.Event) -> None:
        begun.set()
        await release.wait()

    async with relay(stored.outbox, backend.bus, service="user", own={"user_changed": own}):
        await stored.append(a_user_changed(1))
        await begun.wait()
        assert await timeline.subscription.fetch(limit=9, wait=GLANCE) == []
        release.set()
        assert event_ids(await timeline.take()) == [1]
        await until_empty(stored.outbox)


async def test_an_own_effect_that_fails_is_made_later_and_holds_back_nothing(
    backend: Backend, stored: StoredOutbox, timeline: Group
) -> None:
    tries: list[int] = []
    is_broken = True

    async def own(event: events_pb2.Event) -> None:
        tries.append(event.event_id)
        if is_broken and event.event_id == 1:
            raise ValueError("no cache today")

    async with relay(stored.outbox, backend.bus, service="user", own={"user_changed": own}):
        await stored.append(a_user_changed(1), a_user_changed(2))
        assert event_ids(await timeline.take(count=2)) == [1, 2]
        await wait_until(lambda: tries.count(1) >= 2)
        assert await rows(stored.outbox) == [1]
        is_broken = False
        await until_empty(stored.outbox)
        assert tries.count(2) == 1
        assert await timeline.subscription.fetch(limit=9, wait=GLANCE) == []


async def test_after_a_restart_everything_unconfirmed_is_published_once_more(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus, repeat_after=LATER) as worker:
        await stored.append(*(a_tweet_created(event_id) for event_id in (1, 2, 3)))
        await timeline.take(count=3)
        await timeline.confirm(1, 2, 3)
        await engagement.take(count=3)
        await engagement.confirm(3)
        await wait_until(lambda: worker.progress(3) is None)
    assert await rows(stored.outbox) == [1, 2], "what is confirmed is deleted before the relay ends"
    async with relay(stored.outbox, backend.bus, repeat_after=LATER):
        for group in (timeline, engagement):
            assert event_ids(await group.take(count=2)) == [1, 2]
            await group.confirm(1, 2)
        await until_empty(stored.outbox)


async def test_two_relays_at_once_are_allowed(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus), relay(stored.outbox, backend.bus):
        await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 11)))
        for group in (timeline, engagement):
            assert set(event_ids(await group.take(count=20))) == set(range(1, 11))
            await group.confirm(*range(1, 11))
        await until_empty(stored.outbox)
        assert await stored.outbox.dead(after=0, limit=10) == []


async def test_a_full_window_goes_on_when_events_are_confirmed(
    backend: Backend, stored: StoredOutbox, timeline: Group, engagement: Group
) -> None:
    async with relay(stored.outbox, backend.bus, repeat_after=LATER, most_unconfirmed=3) as worker:
        await stored.append(*(a_tweet_created(event_id) for event_id in range(1, 8)))
        seen: list[int] = []
        while len(seen) < 7:
            taken = event_ids(await timeline.take())
            assert taken, f"only {seen} arrived"
            seen += taken
            assert sum(worker.progress(event_id) is not None for event_id in range(1, 8)) <= 3
            await engagement.confirm(*taken)
            await timeline.confirm(*taken)
        await until_empty(stored.outbox)


async def test_an_event_of_a_kind_that_is_not_known_stays_for_a_later_version(
    backend: Backend, stored: StoredOutbox, timeline: Group
) -> None:
    unknown = OutboxEvent(1, "ev.tweet.created.00", events_pb2.Event(event_id=1).SerializeToString())
    async with relay(stored.outbox, backend.bus, service="user"):
        await stored.append(unknown, a_user_changed(3))
        assert event_ids(await timeline.take()) == [3]
        await wait_until(lambda: is_left(stored.outbox, [1]))


async def test_an_event_that_cannot_be_read_is_a_dead_letter_of_its_owner(
    backend: Backend, stored: StoredOutbox, timeline: Group
) -> None:
    async with relay(stored.outbox, backend.bus, service="user"):
        await stored.append(OutboxEvent(2, "ev.user.changed.00", b"\xff"), a_user_changed(3))
        assert event_ids(await timeline.take()) == [3]
        await until_dead(stored.outbox, 2)
        await until_empty(stored.outbox)
        letter = await stored.outbox.get(2)
        assert letter is not None
        assert (letter.dead_group, letter.event.payload) == ("user", b"\xff")
        assert await stored.outbox.revive([2]) == [2]
        await until_dead(stored.outbox, 2)


async def is_left(outbox: Outbox, wanted: list[int]) -> bool:
    return await rows(outbox) == wanted


async def test_events_are_appended_while_the_bus_is_away_and_published_when_it_is_back(stored: StoredOutbox) -> None:
    bus, metrics = MemoryBus(), Metrics()
    timeline, engagement = await Group.join(bus, "timeline"), await Group.join(bus, "engagement")
    bus.go_away()
    with pytest.raises(BusUnavailable):
        await bus.publish("ev.tweet.created.01", b"")
    async with relay(stored.outbox, bus, metrics=metrics):
        for event_id in range(1, 51):
            await stored.append(a_tweet_created(event_id))
        await wait_until(lambda: metrics.registry.get_sample_value("aviary_outbox_rows") == 50)
        assert (metrics.registry.get_sample_value("aviary_outbox_oldest_seconds") or 0) > 0
        bus.come_back()
        for group in (timeline, engagement):
            assert event_ids(await group.take(count=50)) == list(range(1, 51))
            await group.confirm(*range(1, 51))
        await until_empty(stored.outbox)
        await wait_until(lambda: metrics.registry.get_sample_value("aviary_outbox_rows") == 0)

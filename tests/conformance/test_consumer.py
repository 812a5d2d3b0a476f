"""What a consumer group makes of events, of their failures, and of being stopped in the middle."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from aviary.events.v1 import events_pb2
from mesh.errors import NotFound, Unavailable
from mesh.events.consume import NotYet, Outcome
from mesh.events.pump import TAKEN_AT_ONCE
from mesh.metrics import Metrics
from tests.support.buses import ACK_WAIT, Backend, jetstream_backend, memory_backend, publish, receive
from tests.support.consumers import SHORTLY, all_acked, announce, consuming, done
from tests.support.outboxes import a_user_changed
from tests.support.wait_until import wait_until

ALL_CREATED = ["ev.tweet.created.*"]
LONG_ACK_WAIT = timedelta(seconds=300)


@pytest.fixture
async def confirmations(backend: Backend) -> list[events_pb2.Confirmation]:
    """What the relay of tweet_svc hears."""
    heard: list[events_pb2.Confirmation] = []
    await backend.bus.on_confirmation(
        "tweet", lambda payload: heard.append(events_pb2.Confirmation.FromString(payload))
    )
    return heard


def confirmed(heard: list[events_pb2.Confirmation]) -> list[int]:
    return sorted(event_id for confirmation in heard for event_id in confirmation.event_ids)


async def test_an_event_is_handled_confirmed_and_acked(
    backend: Backend, confirmations: list[events_pb2.Confirmation]
) -> None:
    handled: list[int] = []

    async def handler(event: events_pb2.Event) -> Outcome:
        handled.append(event.tweet_created.tweet.tweet_id)
        return Outcome.DONE

    metrics = Metrics()
    async with consuming(backend.bus, handler, metrics=metrics):
        await announce(backend.bus, 1, 2)
        await wait_until(lambda: confirmed(confirmations) == [1, 2])
        await wait_until(lambda: all_acked(backend.bus))
    assert sorted(handled) == [1, 2]
    assert {confirmation.consumer_group for confirmation in confirmations} == {"timeline"}
    assert {confirmation.status for confirmation in confirmations} == {events_pb2.CONFIRMATION_STATUS_DONE}
    labels = {"group": "timeline", "kind": "tweet_created", "outcome": "done"}
    assert metrics.registry.get_sample_value("aviary_consumer_events_total", labels) == 2


async def test_confirmations_travel_many_together(
    backend: Backend, confirmations: list[events_pb2.Confirmation]
) -> None:
    await announce(backend.bus, *range(1, 61))
    async with consuming(backend.bus, done):
        await wait_until(lambda: confirmed(confirmations) == list(range(1, 61)))
    assert len(confirmations) <= 20


async def test_an_event_that_was_handed_on_is_acked_and_confirmed_by_somebody_else(
    backend: Backend, confirmations: list[events_pb2.Confirmation]
) -> None:
    async def handler(event: events_pb2.Event) -> Outcome:
        return Outcome.HANDED_ON if event.event_id == 1 else Outcome.DONE

    async with consuming(backend.bus, handler):
        await announce(backend.bus, 1, 2)
        await wait_until(lambda: confirmed(confirmations) == [2])
        await wait_until(lambda: all_acked(backend.bus))
    assert confirmed(confirmations) == [2]


async def test_an_event_that_nobody_waits_for_is_not_confirmed(backend: Backend) -> None:
    heard: list[bytes] = []
    await backend.bus.on_confirmation("user", heard.append)
    async with consuming(backend.bus, done, kind="user_changed"):
        event = a_user_changed(1)
        await publish(backend.bus, event.subject, event.payload)
        await wait_until(lambda: all_acked(backend.bus))
    assert heard == []


async def test_what_is_not_for_this_group_or_cannot_be_read_is_acked_without_effect(
    backend: Backend, confirmations: list[events_pb2.Confirmation]
) -> None:
    handled: list[int] = []

    async def handler(event: events_pb2.Event) -> Outcome:
        handled.append(event.event_id)
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await announce(backend.bus, 1, groups=("engagement",))
        await publish(backend.bus, "ev.tweet.created.01", b"\xff not an event")
        await publish(backend.bus, "ev.tweet.created.01", events_pb2.Event(event_id=2).SerializeToString())
        await announce(backend.bus, 3, groups=("engagement", "timeline"))
        await wait_until(lambda: all_acked(backend.bus))
    assert handled == [3]
    assert confirmed(confirmations) == [3]


async def test_not_yet_is_no_failure_however_often(
    backend: Backend, confirmations: list[events_pb2.Confirmation]
) -> None:
    tries = 0

    async def handler(event: events_pb2.Event) -> Outcome:
        nonlocal tries
        tries += 1
        if tries <= 10:
            raise NotYet(SHORTLY)
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await announce(backend.bus, 1)
        await wait_until(lambda: confirmations)
    assert confirmations[0].status == events_pb2.CONFIRMATION_STATUS_DONE
    assert tries == 11


@pytest.mark.parametrize("away", [Unavailable.backend("redis"), OSError("refused"), TimeoutError()], ids=repr)
async def test_an_outage_behind_makes_no_dead_letter_however_long(
    backend: Backend, confirmations: list[events_pb2.Confirmation], away: Exception
) -> None:
    tries = 0

    async def handler(event: events_pb2.Event) -> Outcome:
        nonlocal tries
        tries += 1
        if tries <= 7:
            raise away
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await announce(backend.bus, 1)
        await wait_until(lambda: confirmations, at_most=20)
    assert confirmations[0].status == events_pb2.CONFIRMATION_STATUS_DONE


async def test_a_poison_event_is_given_up_after_six_failures_and_holds_up_nobody(
    backend: Backend, confirmations: list[events_pb2.Confirmation]
) -> None:
    tries: Counter[int] = Counter()

    async def handler(event: events_pb2.Event) -> Outcome:
        tries[event.event_id] += 1
        if event.event_id == 1:
            raise NotFound("X", "poison " + "x" * 1_000)
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await announce(backend.bus, 1, *range(2, 30))
        await wait_until(lambda: confirmed(confirmations) == list(range(1, 30)), at_most=20)
        await wait_until(lambda: all_acked(backend.bus))
    [dead] = [heard for heard in confirmations if heard.status == events_pb2.CONFIRMATION_STATUS_DEAD]
    assert list(dead.event_ids) == [1]
    assert dead.reason.startswith("NotFound: poison x")
    assert len(dead.reason) == 500
    assert tries[1] == 6
    assert {tries[event_id] for event_id in range(2, 30)} == {1}


async def test_deliveries_alone_kill_nothing(backend: Backend, confirmations: list[events_pb2.Confirmation]) -> None:
    await announce(backend.bus, 1)
    restless = await backend.bus.subscribe("timeline", ALL_CREATED)
    for _ in range(8):
        [delivery] = await receive(restless)
        await delivery.nak(delay=timedelta())
    tries = 0

    async def handler(event: events_pb2.Event) -> Outcome:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("the first time in this process")
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await wait_until(lambda: confirmations)
    assert confirmations[0].status == events_pb2.CONFIRMATION_STATUS_DONE


async def test_a_message_delivered_again_and_again_is_handled_alone(backend: Backend) -> None:
    await announce(backend.bus, 1)
    restless = await backend.bus.subscribe("timeline", ALL_CREATED)
    for _ in range(2):
        [delivery] = await receive(restless)
        await delivery.nak(delay=timedelta())
    await announce(backend.bus, *range(2, 40))
    running: set[int] = set()
    beside: set[int] = set()
    handled: set[int] = set()

    async def handler(event: events_pb2.Event) -> Outcome:
        running.add(event.event_id)
        for _ in range(10):
            await asyncio.sleep(0)
        if 1 in running:
            beside.update(running)
        running.discard(event.event_id)
        handled.add(event.event_id)
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await wait_until(lambda: handled == set(range(1, 40)))
    assert beside == {1}


async def test_only_so_many_are_handled_at_the_same_time(backend: Backend) -> None:
    release, running, most = asyncio.Event(), 0, 0

    async def handler(event: events_pb2.Event) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        return Outcome.DONE

    await announce(backend.bus, *range(1, 101))
    async with consuming(backend.bus, handler):
        await wait_until(lambda: running == TAKEN_AT_ONCE)
        release.set()
        await wait_until(lambda: all_acked(backend.bus))
    assert most == TAKEN_AT_ONCE


async def test_a_slow_event_stays_with_its_worker(backend: Backend) -> None:
    release, begun = asyncio.Event(), asyncio.Event()
    handled: list[int] = []

    async def handler(event: events_pb2.Event) -> Outcome:
        handled.append(event.event_id)
        begun.set()
        await release.wait()
        return Outcome.DONE

    async with consuming(backend.bus, handler):
        await announce(backend.bus, 1)
        await begun.wait()
        other = await backend.bus.subscribe("timeline", ALL_CREATED)
        assert await other.fetch(limit=9, wait=ACK_WAIT * 2) == []
        release.set()
        await wait_until(lambda: all_acked(backend.bus))
    assert handled == [1]


@pytest.mark.parametrize("name", ["memory", "jetstream"])
async def test_a_worker_that_is_stopped_hands_back_what_it_has_in_hand(
    request: pytest.FixtureRequest, name: str
) -> None:
    async with AsyncExitStack() as stack:
        backend = memory_backend(ack_wait=LONG_ACK_WAIT)
        if name == "jetstream":
            url = request.getfixturevalue("nats_url")
            backend = await stack.enter_async_context(jetstream_backend(url, ack_wait=LONG_ACK_WAIT))
        begun = asyncio.Event()
        handled: set[int] = set()

        async def hanging(event: events_pb2.Event) -> Outcome:
            begun.set()
            await asyncio.Event().wait()
            return Outcome.DONE

        async def handler(event: events_pb2.Event) -> Outcome:
            handled.add(event.event_id)
            return Outcome.DONE

        async with consuming(backend.bus, hanging):
            await announce(backend.bus, 1, 2, 3)
            await begun.wait()
        async with consuming(backend.bus, handler):
            await wait_until(lambda: handled == {1, 2, 3})


async def test_an_event_is_acked_only_after_its_confirmation_was_sent(backend: Backend) -> None:
    asked, release = asyncio.Event(), asyncio.Event()
    confirm = backend.bus.confirm

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(backend.bus, name)

        async def confirm(self, owner: str, payload: bytes) -> None:
            asked.set()
            await release.wait()
            await confirm(owner, payload)

    async with consuming(Slow(), done):  # type: ignore[arg-type]  # the other methods are those of the bus
        await announce(backend.bus, 1)
        await asked.wait()
        assert not await all_acked(backend.bus)
        release.set()
        await wait_until(lambda: all_acked(backend.bus))

"""The promises of the bus, on every backend."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mesh.events.interface import Delivery, StreamPosition
from tests.support.buses import (
    ACK_WAIT,
    GLANCE,
    PATIENCE,
    Backend,
    in_time,
    publish,
    receive,
)

CREATED = "ev.tweet.created.01"
ALL_CREATED = ["ev.tweet.created.*"]
JOB = "job.fanout.03"
JOBS = ["job.fanout.*"]


def payloads(deliveries: list[Delivery]) -> list[bytes]:
    return sorted(delivery.payload for delivery in deliveries)


async def test_a_message_arrives_as_it_was_published(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, CREATED, b"\x00bytes\xff")
    [delivery] = await receive(subscription)
    assert (delivery.subject, delivery.payload, delivery.attempts) == (CREATED, b"\x00bytes\xff", 1)
    assert delivery.groups == frozenset()


async def test_every_group_receives_every_message(backend: Backend) -> None:
    subscriptions = [await backend.bus.subscribe(group, ALL_CREATED) for group in ("timeline", "engagement")]
    for payload in (b"1", b"2", b"3"):
        await publish(backend.bus, CREATED, payload)
    for subscription in subscriptions:
        deliveries = await receive(subscription, count=3)
        assert payloads(deliveries) == [b"1", b"2", b"3"]
        for delivery in deliveries:
            await delivery.ack()


async def test_a_group_receives_only_its_subjects(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ["ev.tweet.created.*", "ev.graph.follow_changed.*"])
    for subject in ("ev.tweet.deleted.01", "ev.graph.follow_changed.02", "ev.tweet.created.15", "ev.user.changed.01"):
        await publish(backend.bus, subject, subject.encode())
    assert payloads(await receive(subscription, count=2)) == [b"ev.graph.follow_changed.02", b"ev.tweet.created.15"]
    assert await subscription.fetch(limit=9, wait=GLANCE) == []


async def test_the_workers_of_a_group_share_its_messages(backend: Backend) -> None:
    workers = [await backend.bus.subscribe("timeline", ALL_CREATED) for _ in range(2)]
    for number in range(10):
        await publish(backend.bus, CREATED, b"%d" % number)
    first = await receive(workers[0], count=5)
    second = await receive(workers[1], count=5)
    assert payloads(first + second) == [b"%d" % number for number in range(10)]
    assert await workers[0].fetch(limit=9, wait=GLANCE) == []


async def test_a_group_that_comes_late_receives_what_was_published_before(backend: Backend) -> None:
    await publish(backend.bus, CREATED, b"early")
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    assert payloads(await receive(subscription)) == [b"early"]


async def test_fetch_takes_no_more_than_its_limit_and_waits_for_the_first_only(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    for number in range(5):
        await publish(backend.bus, CREATED, b"%d" % number)
    assert len(await subscription.fetch(limit=3, wait=PATIENCE)) == 3
    async with asyncio.timeout(PATIENCE.total_seconds() * 0.8):
        assert len(await subscription.fetch(limit=64, wait=PATIENCE)) == 2


async def test_a_waiting_fetch_returns_what_is_published_meanwhile(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    async with asyncio.timeout(PATIENCE.total_seconds() * 0.8), asyncio.TaskGroup() as group:
        waiting = group.create_task(receive(subscription))
        await publish(backend.bus, CREATED, b"meanwhile")
    assert payloads(waiting.result()) == [b"meanwhile"]


async def test_an_acked_message_does_not_come_again(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, CREATED, b"1")
    [delivery] = await receive(subscription)
    await delivery.ack()
    assert await subscription.fetch(limit=9, wait=ACK_WAIT * 1.5) == []


async def test_a_message_handed_back_comes_again_and_not_before_its_delay(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, CREATED, b"1")
    [delivery] = await receive(subscription)
    before = asyncio.get_running_loop().time()
    await delivery.nak(delay=timedelta(seconds=0.3))
    [again] = await receive(subscription)
    assert asyncio.get_running_loop().time() - before >= 0.29
    assert (again.payload, again.attempts) == (b"1", 2)


async def test_a_message_that_is_handed_back_does_not_hold_up_the_others(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, CREATED, b"1")
    [delivery] = await receive(subscription)
    await delivery.nak(delay=timedelta(seconds=30))
    await publish(backend.bus, CREATED, b"2")
    assert payloads(await receive(subscription)) == [b"2"]


async def test_a_message_that_nobody_answers_for_goes_to_another_worker(backend: Backend) -> None:
    lost, other = [await backend.bus.subscribe("timeline", ALL_CREATED) for _ in range(2)]
    await publish(backend.bus, CREATED, b"1")
    await receive(lost)
    [delivery] = await receive(other)
    assert (delivery.payload, delivery.attempts) == (b"1", 2)


async def test_a_message_in_progress_stays_with_its_worker(backend: Backend) -> None:
    slow, other = [await backend.bus.subscribe("timeline", ALL_CREATED) for _ in range(2)]
    await publish(backend.bus, CREATED, b"1")
    [delivery] = await receive(slow)
    assert await other.fetch(limit=1, wait=ACK_WAIT / 2) == []
    await delivery.in_progress()
    spoken = asyncio.get_running_loop().time()
    [again] = await receive(other)
    assert again.payload == b"1"
    assert asyncio.get_running_loop().time() - spoken >= ACK_WAIT.total_seconds() * 0.9


async def test_a_fetch_that_is_cancelled_loses_nothing(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, CREATED, b"0")
    await (await receive(subscription))[0].ack()
    for number in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await subscription.fetch(limit=64, wait=PATIENCE)
        await publish(backend.bus, CREATED, b"%d" % number)
        [delivery] = await receive(subscription)
        assert delivery.payload == b"%d" % number
        await delivery.ack()


async def test_a_repeat_names_the_groups_it_is_for(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, CREATED, b"1", groups=("timeline", "engagement"))
    [delivery] = await receive(subscription)
    assert delivery.groups == {"timeline", "engagement"}


async def test_a_job_goes_to_one_worker_and_apart_from_events(backend: Backend) -> None:
    workers = [await backend.bus.subscribe("timeline", JOBS) for _ in range(2)]
    events = await backend.bus.subscribe("timeline", ALL_CREATED)
    await publish(backend.bus, JOB, b"job")
    [delivery] = await receive(workers[0])
    assert (delivery.subject, delivery.payload) == (JOB, b"job")
    assert await workers[1].fetch(limit=9, wait=GLANCE) == []
    assert await events.fetch(limit=9, wait=GLANCE) == []
    await delivery.nak(delay=timedelta())
    assert payloads(await receive(workers[1])) == [b"job"]


async def test_a_position_tells_how_far_a_group_has_acked(backend: Backend) -> None:
    subscription = await backend.bus.subscribe("timeline", ALL_CREATED)
    acks = [await publish(backend.bus, CREATED, b"%d" % number) for number in range(3)]
    assert [ack.sequence for ack in acks] == [1, 2, 3]
    assert await backend.bus.position("timeline") == StreamPosition(acks[0].epoch, 1, 3, 0)
    first, second, third = await receive(subscription, count=3)
    await first.ack()
    await third.ack()

    async def ack_floor() -> int | None:
        position = await backend.bus.position("timeline")
        return position.ack_floor if position else None

    await in_time(lambda: is_equal(ack_floor(), 1))
    await second.ack()
    await in_time(lambda: is_equal(ack_floor(), 3))


async def is_equal(answer: object, wanted: int) -> bool:
    return bool(await answer == wanted)  # type: ignore[misc]  # a coroutine


async def test_a_group_that_never_came_is_at_the_start(backend: Backend) -> None:
    ack = await publish(backend.bus, CREATED, b"1")
    assert await backend.bus.position("nobody") == StreamPosition(ack.epoch, 1, 1, 0)


async def test_a_stream_made_anew_has_another_epoch(backend: Backend) -> None:
    before = await publish(backend.bus, CREATED, b"1")
    backend.forget()
    after = await backend.bus.position("timeline")
    assert after is not None
    assert after.epoch != before.epoch
    assert after.last == 0
    again = await publish(backend.bus, CREATED, b"2")
    assert (again.epoch, again.sequence) == (after.epoch, 1)


async def test_a_subscription_outlives_its_stream(backend: Backend) -> None:
    events = await backend.bus.subscribe("timeline", ALL_CREATED)
    jobs = await backend.bus.subscribe("timeline", JOBS)
    for subscription, subject in ((events, CREATED), (jobs, JOB)):
        await publish(backend.bus, subject, b"before")
        [delivery] = await receive(subscription)
        backend.forget()
        await delivery.ack()
        await publish(backend.bus, subject, b"after")
        assert payloads(await receive(subscription)) == [b"after"]


async def test_a_confirmation_reaches_every_relay_of_its_owner(backend: Backend) -> None:
    heard: dict[str, list[bytes]] = {"one": [], "two": [], "graph": []}
    await publish(backend.bus, CREATED, b"1")
    await backend.bus.on_confirmation("tweet", heard["one"].append)
    await backend.bus.on_confirmation("tweet", heard["two"].append)
    await backend.bus.on_confirmation("graph", heard["graph"].append)
    await backend.bus.confirm("tweet", b"done")
    await in_time(lambda: heard["one"] and heard["two"])
    assert heard == {"one": [b"done"], "two": [b"done"], "graph": []}

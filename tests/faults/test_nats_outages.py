"""NATS stopped, killed, frozen, wiped, or never there: events wait in the outbox, and their effects are made later."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig

from aviary.events.v1 import events_pb2
from mesh.background import background
from mesh.clock import SystemClock
from mesh.events.consume import Consumer, Outcome
from mesh.events.interface import BusUnavailable, EventBus
from mesh.events.nats import open_bus
from mesh.events.nats_connection import BusClosed, NatsConnection
from mesh.events.nats_streams import EVENTS, FANOUT
from tests.support.buses import GLANCE, publish, receive
from tests.support.outboxes import StoredOutbox, a_tweet_created, sqlite_outbox
from tests.support.relays import relay
from tests.support.servers import Server, start_nats
from tests.support.wait_until import wait_until

CREATED = "ev.tweet.created.01"
ALL_CREATED = ["ev.tweet.created.*"]
LONG = 60.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with start_nats(tmp_path / "nats") as started:
        yield started


@pytest.fixture
async def bus(server: Server) -> AsyncIterator[EventBus]:
    async with open_bus(server.url, name="tests") as opened:
        yield opened


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[StoredOutbox]:
    async with sqlite_outbox(tmp_path) as opened:
        yield opened


@asynccontextmanager
async def a_mesh(server: Server, stored: StoredOutbox) -> AsyncIterator[dict[str, Counter[int]]]:
    """A relay and its two groups, each on a connection of its own; yields how often each event had its effect."""
    effects: dict[str, Counter[int]] = {"timeline": Counter(), "engagement": Counter()}
    tasks = []
    async with AsyncExitStack() as stack:
        for group, counted in effects.items():

            async def effect(event: events_pb2.Event, counted: Counter[int] = counted) -> Outcome:
                counted[event.event_id] += 1
                return Outcome.DONE

            bus = await stack.enter_async_context(open_bus(server.url, name=group))
            consumer = Consumer(bus, group=group, events={"tweet_created": effect}, clock=SystemClock())
            tasks.append(asyncio.create_task(consumer.run()))  # noqa: TID251 - awaited below
        bus = await stack.enter_async_context(open_bus(server.url, name="relay"))
        await stack.enter_async_context(relay(stored.outbox, bus, repeat_after=timedelta(seconds=2)))
        try:
            yield effects
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def until_all_effects(stored: StoredOutbox, effects: dict[str, Counter[int]], events: range) -> None:
    async def is_empty() -> bool:
        return not await stored.outbox.pending(after=0, limit=1)

    await wait_until(is_empty, at_most=LONG)
    assert {group: set(counted) for group, counted in effects.items()} == {group: set(events) for group in effects}


async def test_a_bus_opens_before_its_broker_is_there(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.stop()
    async with open_bus(server.url, name="tests") as bus:
        subscription = await bus.subscribe("timeline", ALL_CREATED)
        heard: list[bytes] = []
        await bus.on_confirmation("tweet", heard.append)
        await bus.confirm("tweet", b"lost")
        for _ in range(3):
            with pytest.raises(BusUnavailable):
                await bus.publish(CREATED, b"1")
            assert await subscription.fetch(limit=1, wait=timedelta(seconds=0.5)) == []
        assert await bus.position("timeline") is None
        warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(warnings) <= 1, "an outage fills no log"
        server.start()
        await publish(bus, CREATED, b"2")
        assert [delivery.payload for delivery in await receive(subscription)] == [b"2"]
        await bus.confirm("tweet", b"heard")
        await wait_until(lambda: heard == [b"heard"])


async def test_waiting_for_a_connection_leaves_time_to_the_others(server: Server) -> None:
    connection = NatsConnection(server.url, name="tests")
    connection.generation = 1
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with background(take_turns(), name="others"):
        assert not await connection.wait_until_connected(at_most=timedelta(seconds=0.1))
    assert turns > 10


async def test_a_client_that_does_not_come_back_ends_its_process(server: Server) -> None:
    connection = NatsConnection(server.url, name="tests", stuck_after=timedelta(seconds=0.5))

    async def work() -> None:
        async with background(connection.run(), name="connection"):
            await wait_until(lambda: connection.is_connected)
            connection.client._status = Client.RECONNECTING  # as if its task had died without a word
            await asyncio.Event().wait()

    with pytest.raises(BusClosed, match="does not come back"):
        await work()
    connection.client._status = Client.CONNECTED
    await connection.close()


async def test_a_bus_that_never_met_its_broker_is_closed_in_peace(server: Server) -> None:
    server.stop()
    async with open_bus(server.url, name="tests"):
        pass
    async with open_bus(server.url, name="tests") as bus:
        await (await bus.subscribe("timeline", ALL_CREATED)).fetch(limit=1, wait=GLANCE)


async def test_a_wrong_password_is_an_outage_and_no_crash(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with start_nats(tmp_path / "nats", more='authorization { user: "svc", password: "right" }') as server:
        address = server.url.removeprefix("nats://")
        async with open_bus(f"nats://svc:wrong@{address}", name="tests") as bus:
            await wait_until(lambda: "Authorization Violation" in caplog.text)
            with pytest.raises(BusUnavailable):
                await bus.publish(CREATED, b"1")
        assert "wrong" not in caplog.text
        async with open_bus(f"nats://svc:right@{address}", name="tests") as bus:
            await publish(bus, CREATED, b"1")


async def test_events_wait_while_nats_is_down_and_arrive_when_it_is_back(server: Server, stored: StoredOutbox) -> None:
    async with a_mesh(server, stored) as effects:
        await stored.append(*(a_tweet_created(event_id) for event_id in range(50)))
        server.stop()
        for event_id in range(50, 100):
            await stored.append(a_tweet_created(event_id))
        server.start()
        await until_all_effects(stored, effects, range(100))


async def test_nothing_is_lost_with_the_store_directory_of_nats(server: Server, stored: StoredOutbox) -> None:
    async with a_mesh(server, stored) as effects:
        for first in (0, 100):
            await stored.append(*(a_tweet_created(event_id) for event_id in range(first, first + 100)))
            server.stop()
            server.wipe()
            server.start()
        await until_all_effects(stored, effects, range(200))


async def test_nothing_is_lost_when_nats_is_killed_again_and_again(server: Server, stored: StoredOutbox) -> None:
    async with a_mesh(server, stored) as effects:
        for first in range(0, 500, 100):
            for event_id in range(first, first + 100):
                await stored.append(a_tweet_created(event_id))
            server.kill()
            server.start()
        await until_all_effects(stored, effects, range(500))


@pytest.mark.parametrize("lost", ["the stream", "the consumers"])
async def test_what_is_deleted_on_the_live_server_is_made_again(
    server: Server, stored: StoredOutbox, lost: str
) -> None:
    async with a_mesh(server, stored) as effects, await nats.connect(server.url) as operator:
        await stored.append(*(a_tweet_created(event_id) for event_id in range(50)))
        await wait_until(lambda: effects["timeline"] and effects["engagement"])
        if lost == "the stream":
            await operator.jetstream().delete_stream(EVENTS)
        else:
            for group in effects:
                await operator.jetstream().delete_consumer(EVENTS, group)
        await stored.append(*(a_tweet_created(event_id) for event_id in range(50, 100)))
        await until_all_effects(stored, effects, range(100))


async def test_a_frozen_server_is_an_outage(server: Server, bus: EventBus) -> None:
    subscription = await bus.subscribe("timeline", ALL_CREATED)
    await publish(bus, CREATED, b"1")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        await wait_until(lambda: is_refused(bus))
        assert await bus.position("timeline") is None
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await publish(bus, CREATED, b"3")
    arrived: set[bytes] = set()
    while not arrived >= {b"1", b"3"}:
        deliveries = await receive(subscription)
        assert deliveries, f"only {arrived} arrived"
        arrived |= {delivery.payload for delivery in deliveries}


async def is_refused(bus: EventBus) -> bool:
    try:
        await bus.publish(CREATED, b"2")
    except BusUnavailable:
        return True
    return False


async def test_a_client_that_gave_up_ends_who_works_with_it(server: Server) -> None:
    async def work() -> None:
        async with open_bus(server.url, name="tests") as bus:
            subscription = await bus.subscribe("timeline", ALL_CREATED)
            await publish(bus, CREATED, b"1")
            await bus._connection.client.close()  # type: ignore[attr-defined]  # as after some errors of the server
            with pytest.raises(BusClosed):
                await subscription.fetch(limit=1, wait=GLANCE)
            with pytest.raises(BusClosed):
                await bus.publish(CREATED, b"2")
            await asyncio.Event().wait()

    with pytest.raises(BusClosed):
        await work()


async def test_the_streams_fit_into_the_room_there_is(tmp_path: Path) -> None:
    with start_nats(tmp_path / "nats", max_file_store="100MB") as server:
        async with open_bus(server.url, name="tests") as bus, await nats.connect(server.url) as operator:
            await publish(bus, CREATED, b"1")
            await publish(bus, "job.fanout.01", b"1")
            jetstream = operator.jetstream()
            sizes = [(await jetstream.stream_info(stream)).config.max_bytes for stream in (EVENTS, FANOUT)]
    assert sizes == [64 << 20, 32 << 20]


async def test_a_stream_of_an_earlier_version_is_brought_up_to_date(server: Server) -> None:
    async with await nats.connect(server.url) as operator:
        jetstream = operator.jetstream()
        old = StreamConfig(name=EVENTS, subjects=["ev.tweet.>"], max_age=60, max_bytes=1 << 25)
        await jetstream.add_stream(old)
        async with open_bus(server.url, name="tests") as bus:
            await publish(bus, "ev.graph.follow_changed.01", b"1")
        config = (await jetstream.stream_info(EVENTS)).config
    assert config.subjects == ["ev.>"]
    assert config.max_age == 24 * 3600
    assert config.max_bytes == 1 << 25


async def test_a_group_that_learns_of_more_events_receives_them(server: Server, bus: EventBus) -> None:
    before = await bus.subscribe("timeline", ALL_CREATED)
    await publish(bus, CREATED, b"1")
    await (await receive(before))[0].ack()
    after = await bus.subscribe("timeline", [*ALL_CREATED, "ev.tweet.deleted.*"])
    assert await after.fetch(limit=9, wait=GLANCE) == []
    await publish(bus, "ev.tweet.deleted.01", b"2")
    assert [delivery.payload for delivery in await receive(after)] == [b"2"]

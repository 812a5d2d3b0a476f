"""What a consumer group makes of jobs: each is done by one worker, and a poison job ends its event and no process.

And whom it tells when it gives an event up.
"""

from __future__ import annotations

from aviary.events.v1 import events_pb2
from mesh.events.consume import NotYet, Outcome
from tests.support.buses import GLANCE, Backend, publish
from tests.support.consumers import SHORTLY, all_acked, announce, consuming, done
from tests.support.wait_until import wait_until

JOB = "job.fanout.03"


async def test_a_job_is_done_and_acked(backend: Backend) -> None:
    jobs: list[bytes] = []

    async def on_job(payload: bytes) -> None:
        jobs.append(payload)
        if len(jobs) == 1:
            raise NotYet(SHORTLY)
        if len(jobs) == 2:
            raise ValueError("once")

    async with consuming(backend.bus, done, jobs={"job.fanout.*": on_job}):
        await publish(backend.bus, JOB, b"link")
        await wait_until(lambda: len(jobs) == 3)
    jobs_left = await backend.bus.subscribe("timeline", ["job.fanout.*"])
    assert await jobs_left.fetch(limit=9, wait=GLANCE) == []
    assert jobs == [b"link"] * 3


async def test_a_poison_job_is_abandoned_with_its_reason_even_if_that_fails_too(backend: Backend) -> None:
    abandoned: list[tuple[bytes, str]] = []
    done_jobs: list[bytes] = []

    async def on_job(payload: bytes) -> None:
        if payload != b"good":
            raise ValueError("poison")
        done_jobs.append(payload)

    async def abandon(payload: bytes, reason: str) -> None:
        abandoned.append((payload, reason))
        raise ValueError("not even that")

    async with consuming(backend.bus, done, jobs={"job.fanout.*": on_job}, abandon_job=abandon):
        await publish(backend.bus, JOB, b"bad")
        await wait_until(lambda: abandoned)
        await publish(backend.bus, JOB, b"good")
        await wait_until(lambda: done_jobs)
    assert abandoned == [(b"bad", "ValueError: poison")]


async def test_a_poison_event_is_told_with_its_reason_even_if_that_fails_too(backend: Backend) -> None:
    abandoned: list[tuple[int, str]] = []
    done_events: list[int] = []

    async def handler(event: events_pb2.Event) -> Outcome:
        if event.event_id == 1:
            raise ValueError("poison")
        done_events.append(event.event_id)
        return Outcome.DONE

    async def abandon(event: events_pb2.Event, reason: str) -> None:
        abandoned.append((event.event_id, reason))
        raise ValueError("not even that")

    async with consuming(backend.bus, handler, abandon_event=abandon):
        await announce(backend.bus, 1)
        await wait_until(lambda: abandoned)
        await announce(backend.bus, 2)
        await wait_until(lambda: done_events)
        await wait_until(lambda: all_acked(backend.bus))
    assert abandoned == [(1, "ValueError: poison")]

"""What a consumer group makes of jobs: each is done by one worker, and a poison job ends its event and no process."""

from __future__ import annotations

from mesh.events.consume import NotYet
from tests.support.buses import GLANCE, Backend, publish
from tests.support.consumers import SHORTLY, consuming, done
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

"""A link of a fan-out: the next followers take the tweet; the last link confirms the event that began it."""

from __future__ import annotations

from contextlib import suppress

from aviary.events.v1.events_pb2 import FanoutJob
from mesh.errors import Unavailable
from mesh.events.confirm import LONGEST_REASON
from mesh.events.consume import Confirmer
from mesh.failpoints import fp
from timeline_svc.fanout.backfill import Backfill
from timeline_svc.fanout.deliver import Fanout
from timeline_svc.store import FanoutRecords


async def on_fanout_job(payload: bytes, *, fanout: Fanout, backfill: Backfill, confirmer: Confirmer) -> None:
    """Run the link. Without a tweet it belongs to an author's return to PUSH."""
    job = FanoutJob.FromString(payload)
    is_last = await (fanout.go_on(job) if job.tweet_id else backfill.catch_up(job))
    if is_last:
        fp("fanout.last_link_done")
        await confirmer.done(owner_of(job), job.event_id)


async def abandon_fanout_job(payload: bytes, reason: str, *, records: FanoutRecords, confirmer: Confirmer) -> None:
    """Give the event up that a link belongs to: its outbox row stays as the dead letter."""
    job = FanoutJob.FromString(payload)
    if job.tweet_id:
        with suppress(Unavailable):  # what operators may ask about it later must not hold it up
            await records.give_up(job.tweet_id, reason[:LONGEST_REASON])
    await confirmer.dead(owner_of(job), job.event_id, reason)


def owner_of(job: FanoutJob) -> str:
    """The service that announced the event of this job."""
    return "tweet" if job.tweet_id else "graph"

"""Pushes a tweet to one page of followers, and hands the rest on as one chained job."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aviary.events.v1.events_pb2 import FanoutJob
from mesh.clock import Clock
from mesh.events.interface import EventBus
from mesh.events.routes import shard_of
from mesh.failpoints import fp
from mesh.ids import id_time_us
from mesh.metrics import Metrics
from timeline_svc.clients.graph import Graph
from timeline_svc.fanout.plan import Link, first_link, next_link
from timeline_svc.metrics import TimelineMetrics
from timeline_svc.model import Audience
from timeline_svc.store import FanoutRecords, TimelineStore


@dataclass(frozen=True, slots=True)
class Fanout:
    """Brings tweets to the home timelines of followers, and to the list that readers of a pulled author share.

    The tweet is committed before the followers are read, and a follow before its backfill reads the tweets: whichever
    comes later sees the other.
    """

    graph: Graph
    homes: TimelineStore
    author_lists: TimelineStore
    bus: EventBus
    clock: Clock
    mesh_metrics: Metrics
    metrics: TimelineMetrics
    records: FanoutRecords

    async def begin(self, *, tweet_id: int, author_id: int, event_id: int) -> bool:
        """The first link. True when it was the last too; else a job goes on and confirms the event in the end."""
        audience, followers, _ = await asyncio.gather(
            self.graph.audience(author_id),
            self.graph.followers(author_id, after_edge_id=0),
            self.author_lists.push(tweet_id, [author_id]),
        )
        fp("fanout.followers_read")
        job = FanoutJob(tweet_id=tweet_id, author_user_id=author_id, event_id=event_id)
        link = first_link(author_id, audience.author_class, followers)
        return await self._deliver(link, job, audience)

    async def go_on(self, job: FanoutJob) -> bool:
        """A later link. True when it was the last."""
        followers = await self.graph.followers(job.author_user_id, after_edge_id=job.after_edge_id)
        return await self._deliver(next_link(followers), job)

    async def _deliver(self, link: Link, job: FanoutJob, audience: Audience | None = None) -> bool:
        held = await self.homes.push(job.tweet_id, link.recipients)
        fp("fanout.pushed")
        self.metrics.deliveries.labels("delivered").inc(held)
        self.metrics.deliveries.labels("skipped").inc(len(link.recipients) - held)
        # Before the chain goes on: what is recorded of a chain has no gaps.
        outcome = link.came_to(held, at_us=self.clock.now_us(), audience=audience)
        await self.records.record(job.tweet_id, job.after_edge_id, outcome)
        fp("fanout.recorded")
        if not link.is_last:
            await chain(self.bus, job, after_edge_id=link.next_after_edge_id)
            return False
        age_us = self.clock.now_us() - id_time_us(job.tweet_id)
        self.mesh_metrics.timeline_visible_seconds.observe(max(0, age_us) / 1_000_000)
        return True


async def chain(bus: EventBus, job: FanoutJob, *, after_edge_id: int) -> None:
    """Publish the next link of a job. Raises BusUnavailable."""
    link = FanoutJob()
    link.CopyFrom(job)
    link.after_edge_id = after_edge_id
    fp("fanout.before_link")
    await bus.publish(f"job.fanout.{shard_of(job.author_user_id):02d}", link.SerializeToString())
    fp("fanout.link_published")

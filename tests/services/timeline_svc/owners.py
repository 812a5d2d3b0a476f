"""The services that announce events to timeline_svc, played on a real NATS."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from google.protobuf.message import Message

from aviary.events.v1 import events_pb2
from aviary.type.v1.tweet_pb2 import Tweet
from mesh.clock import SystemClock
from mesh.events.announce import new_event
from mesh.events.interface import BusUnavailable, EventBus
from tests.services.timeline_svc.world import World
from tests.support.wait_until import wait_until


@dataclass
class Owners:
    """The services that announce events, and wait for confirmations."""

    bus: EventBus
    world: World
    confirmed: list[tuple[str, int, int]] = field(default_factory=list)

    async def listen(self) -> None:
        for owner in ("tweet", "graph"):
            await self.bus.on_confirmation(owner, partial(self._take, owner))

    async def announce(self, kind: str, payload: Message, *, event_id: int = 0) -> int:
        event_id = event_id or self.world.new_id()
        event = new_event(kind, payload, event_id=event_id, at_us=SystemClock().now_us(), key=1)

        async def is_published() -> bool:
            try:
                await self.bus.publish(event.subject, event.payload)
            except BusUnavailable:
                return False
            return True

        await wait_until(is_published)
        return event_id

    async def posted(self, tweet_id: int, author_id: int) -> int:
        tweet = Tweet(tweet_id=tweet_id, user_id=author_id)
        return await self.announce("tweet_created", events_pb2.TweetCreated(tweet=tweet), event_id=tweet_id)

    async def edge_changed(self, follower_id: int, followee_id: int, *, event_id: int = 0) -> int:
        change = events_pb2.FollowChanged(follower_user_id=follower_id, followee_user_id=followee_id)
        return await self.announce("follow_changed", change, event_id=event_id)

    async def is_done(self, owner: str, event_id: int) -> None:
        await wait_until(lambda: (owner, event_id, events_pb2.CONFIRMATION_STATUS_DONE) in self.confirmed)

    def _take(self, owner: str, payload: bytes) -> None:
        confirmation = events_pb2.Confirmation.FromString(payload)
        assert confirmation.consumer_group == "timeline"
        for event_id in confirmation.event_ids:
            self.world.waiting.pop(event_id, None)
        self.confirmed += ((owner, event_id, confirmation.status) for event_id in confirmation.event_ids)

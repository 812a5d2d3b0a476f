"""Whose event a link of a fan-out confirms, and what becomes of a link that is given up."""

from __future__ import annotations

from functools import partial

import pytest

from aviary.events.v1 import events_pb2
from aviary.type.v1.tweet_pb2 import Tweet
from mesh.events.consume import Confirmer
from mesh.events.memory import MemoryBus
from timeline_svc.consumers.fanout_job import abandon_fanout_job
from timeline_svc.consumers.tweet_created import abandon_tweet_created
from timeline_svc.model import FanoutRecord
from timeline_svc.store.memory import MemoryFanoutRecords


@pytest.mark.parametrize(("tweet_id", "owner"), [(9, "tweet"), (0, "graph")])
async def test_a_link_that_is_given_up_leaves_a_dead_letter_with_the_events_owner(tweet_id: int, owner: str) -> None:
    bus = MemoryBus()
    heard: list[tuple[str, bytes]] = []
    for service in ("tweet", "graph"):
        await bus.on_confirmation(service, partial(lambda name, payload: heard.append((name, payload)), service))
    job = events_pb2.FanoutJob(tweet_id=tweet_id, author_user_id=1, event_id=77)
    records = MemoryFanoutRecords()
    confirmer = Confirmer(bus, "timeline")
    await abandon_fanout_job(job.SerializeToString(), "KeyError: 1", records=records, confirmer=confirmer)
    assert await records.find(tweet_id) == (FanoutRecord({}, "KeyError: 1") if tweet_id else None)
    assert [name for name, _ in heard] == [owner]
    confirmation = events_pb2.Confirmation.FromString(heard[0][1])
    assert list(confirmation.event_ids) == [77]
    assert confirmation.status == events_pb2.CONFIRMATION_STATUS_DEAD
    assert confirmation.reason == "KeyError: 1"


async def test_an_event_that_is_given_up_is_kept_for_a_tweet_only() -> None:
    records = MemoryFanoutRecords()
    posted = events_pb2.Event(event_id=9, tweet_created=events_pb2.TweetCreated(tweet=Tweet(tweet_id=9)))
    await abandon_tweet_created(posted, "KeyError: 1", records=records)
    await abandon_tweet_created(
        events_pb2.Event(event_id=8, follow_changed=events_pb2.FollowChanged()), "KeyError: 1", records=records
    )
    assert await records.find(9) == FanoutRecord({}, "KeyError: 1")
    assert await records.find(8) is None

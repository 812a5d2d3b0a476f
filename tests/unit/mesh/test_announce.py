"""An event is announced in an envelope, on the subject that its contract names."""

from __future__ import annotations

import pytest

from aviary.events.v1 import events_pb2
from mesh.events.announce import new_event
from mesh.events.routes import ROUTES, shard_of


def test_the_envelope_holds_id_time_and_payload() -> None:
    payload = events_pb2.TweetDeleted(tweet_id=7, user_id=8)
    announced = new_event("tweet_deleted", payload, event_id=9, at_us=1_700_000_000_123_456, key=8)
    event = events_pb2.Event.FromString(announced.payload)
    assert announced.event_id == event.event_id == 9
    assert event.event_time.ToMicroseconds() == 1_700_000_000_123_456
    assert event.WhichOneof("payload") == "tweet_deleted"
    assert event.tweet_deleted == payload


@pytest.mark.parametrize("kind", sorted(ROUTES))
def test_the_subject_is_that_of_the_route_and_the_shard_of_the_key(kind: str) -> None:
    payload = getattr(events_pb2.Event(), kind)
    announced = new_event(kind, payload, event_id=1, at_us=1, key=12_345)
    route = ROUTES[kind]
    assert announced.subject == f"ev.{route.service}.{route.event}.{shard_of(12_345):02d}"
    assert announced.subject.rpartition(".")[0] == route.every_subject.rpartition(".")[0]


def test_an_empty_payload_is_still_of_its_kind() -> None:
    announced = new_event("user_changed", events_pb2.UserChanged(), event_id=1, at_us=1, key=1)
    assert events_pb2.Event.FromString(announced.payload).WhichOneof("payload") == "user_changed"


def test_an_unknown_kind_and_a_payload_of_another_are_mistakes() -> None:
    with pytest.raises(KeyError):
        new_event("tweet_praised", events_pb2.UserChanged(), event_id=1, at_us=1, key=1)
    with pytest.raises(TypeError):
        new_event("tweet_created", events_pb2.UserChanged(), event_id=1, at_us=1, key=1)

"""Edges keep their beginning, and what they announce is what they are."""

from __future__ import annotations

import pytest

from aviary.events.v1 import events_pb2
from graph_svc import events
from graph_svc.model import FollowEdge, SelfReference, UserNotFound
from mesh.events.routes import shard_of

EDGE = FollowEdge(1_001, 1_002, 7, created_us=100, op_time_us=200, is_live=True)


@pytest.mark.parametrize(("now_us", "op_time_us"), [(300, 300), (201, 201), (200, 201), (5, 201)])
def test_a_change_is_later_than_the_one_before_whatever_the_clock_says(now_us: int, op_time_us: int) -> None:
    assert EDGE.changed(is_live=False, now_us=now_us) == FollowEdge(1_001, 1_002, 7, 100, op_time_us, is_live=False)


def test_a_follow_is_announced_on_the_shard_of_the_follower() -> None:
    announced = events.follow_changed(EDGE, event_id=9)
    assert announced.subject == f"ev.graph.follow_changed.{shard_of(1_001):02d}"
    event = events_pb2.Event.FromString(announced.payload)
    assert (announced.event_id, event.event_id) == (9, 9)
    assert event.follow_changed == events_pb2.FollowChanged(
        follower_user_id=1_001, followee_user_id=1_002, following=True, op_time_us=200, edge_id=7
    )


def test_the_way_back_is_announced_on_the_shard_of_the_author() -> None:
    announced = events.pushing_begins(1_002, event_id=9, at_us=300)
    assert announced.subject == f"ev.graph.author_class_changed.{shard_of(1_002):02d}"
    event = events_pb2.Event.FromString(announced.payload)
    assert event.event_time.ToMicroseconds() == 300
    assert event.author_class_changed == events_pb2.AuthorClassChanged(
        user_id=1_002,
        author_class=events_pb2.AUTHOR_CLASS_BOTH,
        next_author_class=events_pb2.AUTHOR_CLASS_PUSH,
    )


def test_an_unknown_account_is_named_as_it_was_asked_for() -> None:
    assert UserNotFound(user_id=5).metadata == {"user_id": "5"}
    assert UserNotFound(username="ann").metadata == {"username": "ann"}


def test_a_self_reference_names_the_field() -> None:
    error = SelfReference("userId")
    assert (error.reason, [violation.field for violation in error.violations]) == ("SELF_REFERENCE", ["userId"])

"""When an event is published again, and for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mesh.events.interface import OutboxRow, PubAck, StreamPosition
from mesh.events.unconfirmed import (
    LONGEST_REPEAT,
    REPEAT_AFTER,
    Unconfirmed,
    groups_to_repeat,
    own_retry_delay,
    repeat_delay,
    unconfirmed,
)
from tests.support.outboxes import a_tweet_created, a_user_changed

NOW = 1_000.0
BOTH = {"timeline", "engagement"}


def a_published_event(*, sequence: int = 5, due: float = NOW, published_at: float = NOW - 30) -> Unconfirmed:
    row = OutboxRow(1, a_tweet_created(1), created_us=1)
    event = unconfirmed(row, kind="tweet_created", has_own_effect=False, now=NOW)
    event.acked = PubAck("first", sequence)
    event.due, event.published_at = due, published_at
    return event


def at(*, epoch: str = "first", first: int = 1, last: int = 9, ack_floor: int = 0) -> StreamPosition:
    return StreamPosition(epoch, first, last, ack_floor)


def repeated(event: Unconfirmed, timeline: StreamPosition | None, engagement: StreamPosition | None) -> frozenset[str]:
    positions = {"timeline": timeline, "engagement": engagement}
    return groups_to_repeat(event, positions, now=NOW, longest=LONGEST_REPEAT)


def test_nothing_is_repeated_before_it_is_due() -> None:
    assert repeated(a_published_event(due=NOW + 0.1), at(ack_floor=9), at(ack_floor=9)) == frozenset()


def test_what_a_group_has_acked_past_is_repeated_for_that_group() -> None:
    assert repeated(a_published_event(), at(ack_floor=5), at(ack_floor=4)) == {"timeline"}


def test_what_waits_in_the_stream_for_every_missing_group_is_not_repeated() -> None:
    assert repeated(a_published_event(), at(ack_floor=4), at(ack_floor=0)) == frozenset()


def test_only_missing_groups_count() -> None:
    event = a_published_event()
    event.missing.discard("timeline")
    assert repeated(event, at(ack_floor=9), at(ack_floor=4)) == frozenset()


@pytest.mark.parametrize(
    "position", [None, at(first=6), at(last=4), at(epoch="second")], ids=["unknown", "dropped", "behind", "made anew"]
)
def test_any_doubt_repeats(position: StreamPosition | None) -> None:
    assert repeated(a_published_event(), position, position) == BOTH


@pytest.mark.parametrize("position", [at(epoch="second"), at(first=6)], ids=["made anew", "purged, or full"])
def test_what_the_stream_has_let_go_is_due_at_once(position: StreamPosition) -> None:
    assert repeated(a_published_event(due=NOW + 500), position, None) == BOTH


def test_a_position_from_before_it_was_published_makes_nothing_due() -> None:
    assert repeated(a_published_event(due=NOW + 500), at(last=4), at(last=4)) == frozenset()


def test_after_the_longest_wait_it_is_repeated_although_it_waits() -> None:
    event = a_published_event(published_at=NOW - LONGEST_REPEAT.total_seconds())
    assert repeated(event, at(), at()) == BOTH


def test_the_waits_double_up_to_ten_minutes() -> None:
    waits = [repeat_delay(count, first=REPEAT_AFTER, longest=LONGEST_REPEAT).total_seconds() for count in range(1, 8)]
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    assert repeat_delay(10_000, first=REPEAT_AFTER, longest=LONGEST_REPEAT) == LONGEST_REPEAT


def test_an_own_effect_is_tried_again_sooner() -> None:
    assert [own_retry_delay(count).total_seconds() for count in (1, 2, 3, 100)] == [0.25, 0.5, 1, 30]


def test_an_event_is_done_when_its_effects_are() -> None:
    event = unconfirmed(OutboxRow(1, a_tweet_created(1), 1), kind="tweet_created", has_own_effect=True, now=NOW)
    event.is_own_done = True
    event.missing.discard("timeline")
    assert not event.is_done()
    event.missing.discard("engagement")
    assert event.is_done()
    event.is_own_done = False
    assert not event.is_done()


def test_an_event_that_nobody_must_confirm_is_done_when_the_broker_has_it() -> None:
    event = unconfirmed(OutboxRow(1, a_user_changed(1), 1), kind="user_changed", has_own_effect=False, now=NOW)
    assert not event.is_done()
    event.acked = PubAck("first", 1)
    assert event.is_done()


def test_what_is_published_for_the_first_time_is_for_everybody() -> None:
    event = unconfirmed(OutboxRow(1, a_tweet_created(1), 1), kind="tweet_created", has_own_effect=False, now=NOW)
    assert event.repeat_for == frozenset()
    assert event.due == NOW
    assert timedelta(seconds=30) == REPEAT_AFTER

"""What a fan-out's record says: sums along the chain, whatever was repeated, and nothing that is not known."""

from __future__ import annotations

from timeline_svc.fanout.plan import Link
from timeline_svc.model import (
    Audience,
    AuthorClass,
    FanoutRecord,
    FanoutState,
    FanoutStatus,
    LinkOutcome,
    status_of,
)

FIRST = LinkOutcome(50, 8, 2, at_us=100, recipients_count=31)
SECOND = LinkOutcome(20, 10, 0, at_us=200)
LAST = LinkOutcome(0, 9, 1, at_us=300)


def test_nothing_is_known_without_a_record() -> None:
    assert status_of(None) == FanoutStatus(FanoutState.UNKNOWN)


def test_nothing_is_known_where_the_first_link_was_lost() -> None:
    assert status_of(FanoutRecord({50: SECOND, 20: LAST})) == FanoutStatus(FanoutState.UNKNOWN)


def test_a_chain_that_is_under_way_says_how_many_are_to_come() -> None:
    status = status_of(FanoutRecord({0: FIRST, 50: SECOND}))
    assert status == FanoutStatus(FanoutState.RUNNING, 31, 18, 2, first_us=100, last_us=200)
    assert status.pending_count == 11


def test_at_the_end_of_the_chain_nobody_is_to_come() -> None:
    status = status_of(FanoutRecord({0: FIRST, 50: SECOND, 20: LAST}))
    assert status == FanoutStatus(FanoutState.DONE, 30, 27, 3, first_us=100, last_us=300)
    assert status.pending_count == 0


def test_links_that_a_repeat_has_left_behind_do_not_count() -> None:
    again = LinkOutcome(40, 9, 1, at_us=100, recipients_count=32)
    status = status_of(FanoutRecord({0: again, 50: SECOND, 20: LAST}))
    assert (status.state, status.delivered_count, status.pending_count) == (FanoutState.RUNNING, 9, 22)


def test_more_recipients_than_were_counted_are_not_fewer_than_none() -> None:
    status = status_of(FanoutRecord({0: LinkOutcome(50, 8, 2, at_us=1, recipients_count=3)}))
    assert (status.recipients_count, status.pending_count) == (10, 0)


def test_a_link_that_was_given_up_leaves_the_rest_pending() -> None:
    status = status_of(FanoutRecord({0: FIRST}, "ValueError: no"))
    assert (status.state, status.pending_count, status.dead_reason) == (FanoutState.DEAD, 21, "ValueError: no")
    assert status_of(FanoutRecord({}, "no")) == FanoutStatus(FanoutState.DEAD, dead_reason="no")


def test_a_pulled_author_reaches_but_the_author() -> None:
    audience = Audience(AuthorClass.PULL, 20_000)
    outcome = Link((7,), 0).came_to(1, at_us=5, audience=audience)
    assert outcome.recipients_count == 1
    assert status_of(FanoutRecord({0: outcome})).state is FanoutState.PULLED


def test_the_author_is_a_recipient_beside_the_followers() -> None:
    outcome = Link((7, 1, 2), 44).came_to(2, at_us=5, audience=Audience(AuthorClass.PUSH, 30))
    assert outcome == LinkOutcome(44, 2, 1, at_us=5, recipients_count=31)

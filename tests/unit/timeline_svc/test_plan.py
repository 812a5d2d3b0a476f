"""Whom a link of a fan-out reaches, and whether another follows."""

from __future__ import annotations

import pytest

from timeline_svc.fanout.plan import Link, first_link, next_link
from timeline_svc.model import AuthorClass, FollowerPage

AUTHOR = 7


@pytest.mark.parametrize("author_class", [AuthorClass.PUSH, AuthorClass.BOTH])
def test_the_first_link_reaches_the_author_and_the_first_followers(author_class: AuthorClass) -> None:
    assert first_link(AUTHOR, author_class, FollowerPage((1, 2))) == Link((AUTHOR, 1, 2), 0)


def test_an_author_without_followers_is_reached_too() -> None:
    link = first_link(AUTHOR, AuthorClass.PUSH, FollowerPage(()))
    assert link.recipients == (AUTHOR,)
    assert link.is_last


def test_followers_of_a_pulled_author_are_left_out() -> None:
    link = first_link(AUTHOR, AuthorClass.PULL, FollowerPage((1, 2), 55))
    assert link.recipients == (AUTHOR,)
    assert link.is_last


def test_a_link_with_more_followers_to_come_is_not_the_last() -> None:
    link = first_link(AUTHOR, AuthorClass.PUSH, FollowerPage((1, 2), 55))
    assert link.next_after_edge_id == 55
    assert not link.is_last


def test_later_links_reach_their_page_of_followers_only() -> None:
    assert next_link(FollowerPage((3, 4), 44)) == Link((3, 4), 44)
    assert next_link(FollowerPage(())).is_last

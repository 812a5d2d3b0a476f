"""Every event says who announces it and who must confirm it."""

from __future__ import annotations

import pytest

from aviary.events.v1.events_pb2 import Event
from mesh.events.routes import ROUTES, Route, shard_of

GROUPS = {"user", "tweet", "graph", "engagement", "timeline"}
KINDS = [field.name for field in Event.DESCRIPTOR.oneofs_by_name["payload"].fields]


def test_every_payload_has_a_route() -> None:
    assert sorted(ROUTES) == sorted(KINDS)


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_the_announcing_service_and_the_groups_exist(route: Route) -> None:
    assert route.service in GROUPS
    assert route.required_groups <= GROUPS
    assert route.event


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_the_announcing_service_is_no_required_group_of_its_own_event(route: Route) -> None:
    """The owner's own consumer runs in its outbox worker and confirms by returning."""
    assert route.service not in route.required_groups


def test_no_two_kinds_share_a_subject() -> None:
    subjects = [route.every_subject for route in ROUTES.values()]
    assert sorted(subjects) == sorted(set(subjects))


def test_a_subject_ends_in_the_shard_of_its_key() -> None:
    subject = ROUTES["tweet_created"].subject(7)
    assert subject == f"ev.tweet.created.{shard_of(7):02d}"
    assert subject.startswith(ROUTES["tweet_created"].every_subject.removesuffix("*"))

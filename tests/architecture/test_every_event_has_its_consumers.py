"""Who must confirm an event has a file for it, and no file waits for an event that nobody sends there."""

from __future__ import annotations

import pytest

from mesh.events.routes import ROUTES, Route
from tests.support.source import ROOT, services

JOBS = {"fanout_job"}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
def test_every_required_group_has_a_consumer_of_the_event(route: Route) -> None:
    for group in route.required_groups:
        assert (ROOT / f"{group}_svc" / "consumers" / f"{route.kind}.py").is_file()


@pytest.mark.parametrize("service", services())
def test_a_consumer_is_the_announcers_own_or_that_of_a_required_group(service: str) -> None:
    group = service.removesuffix("_svc")
    for path in (ROOT / service / "consumers").glob("[!_]*.py"):
        if path.stem not in JOBS:
            route = ROUTES[path.stem]
            assert group in {route.service, *route.required_groups}, f"nobody waits for {path}"

"""HTTP routes: each request has one meaning, and every path variable can be read from text."""

from __future__ import annotations

from itertools import combinations

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from tests.support.contract import INTEGERS, Route, field_of, routes

VARIABLE = "{}"
UNREADABLE = {FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_GROUP, FieldDescriptorProto.TYPE_BYTES}


def name(route: Route) -> str:
    return f"{route.verb.upper()} {route.path}"


def overlap(left: Route, right: Route) -> bool:
    """Whether some path fits both."""
    ours, theirs = left.shape.split("/"), right.shape.split("/")
    return len(ours) == len(theirs) and all(
        VARIABLE in (mine, yours) or mine == yours for mine, yours in zip(ours, theirs, strict=True)
    )


def test_no_two_routes_are_alike() -> None:
    shapes = [(route.verb, route.shape) for route in routes()]
    assert sorted(shapes) == sorted(set(shapes))


@pytest.mark.parametrize("verb", sorted({route.verb for route in routes()}))
def test_a_literal_hides_no_value_that_a_variable_beside_it_may_have(verb: str) -> None:
    """Routes are matched from the left, literals first. So where two of them part, the variable must be a number."""
    hidden = []
    for left, right in combinations([route for route in routes() if route.verb == verb], 2):
        if not overlap(left, right):
            continue
        for wide, narrow in ((left, right), (right, left)):
            segments, others = wide.shape.split("/"), narrow.shape.split("/")
            parting = next(i for i, (mine, yours) in enumerate(zip(segments, others, strict=True)) if mine != yours)
            if segments[parting] != VARIABLE:
                continue
            variable = wide.variables[segments[:parting].count(VARIABLE)]
            if field_of(wide.method.request, variable).type not in INTEGERS:
                hidden.append((name(wide), name(narrow)))
    assert hidden == []


@pytest.mark.parametrize("route", routes(), ids=name)
def test_every_path_variable_is_a_scalar_field_of_the_request(route: Route) -> None:
    for variable in route.variables:
        field = field_of(route.method.request, variable)
        assert field.label != FieldDescriptorProto.LABEL_REPEATED
        assert field.type not in UNREADABLE


@pytest.mark.parametrize("route", routes(), ids=name)
def test_a_body_is_taken_where_http_has_one(route: Route) -> None:
    takes_body = route.verb in {"put", "post", "patch"}
    if route.verb == "post" and route.path.endswith("/unfollow"):
        takes_body = False  # what it undoes is in the path
    assert bool(route.body) == takes_body
    if route.body not in {"", "*"}:
        field_of(route.method.request, route.body)


@pytest.mark.parametrize("route", [route for route in routes() if not route.is_alias], ids=name)
def test_our_own_routes_carry_the_version(route: Route) -> None:
    assert route.path.startswith("/v1/") or route.path == "/.well-known/jwks.json"


@pytest.mark.parametrize("route", [route for route in routes() if route.is_alias], ids=name)
def test_an_alias_is_beside_a_route_of_our_own(route: Route) -> None:
    assert not route.path.startswith("/v1/")
    assert [other for other in routes() if other.method is route.method and not other.is_alias]

"""An independent partner: google-api-core turns messages into HTTP requests, the edge turns these into messages again.

For every binding and alias of our contracts, and every binding of the probe contract, random messages must come
through the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.api_core import path_template, rest_helpers
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edge_proxy.descriptor_set import Contracts, load_descriptor_set, read_descriptor_set
from edge_proxy.fields import WRAPPERS, enum_of, is_a, is_map, is_message, is_output_only
from edge_proxy.request_decoder import HttpParts
from edge_proxy.route_table import Route, RouteTable
from edge_proxy.route_tree import ANY_METHOD
from tests.support.probe.server import compile_probe
from tests.unit.edge_proxy.any_message import SCALARS, messages

DESCRIPTORS = Path(__file__).resolve().parents[3] / "generated" / "descriptors.binpb"
# What a path carries is never empty; the client half refuses slashes and dots that an URL would swallow.
IN_PATH = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=10).filter(
    lambda text: text not in {".", ".."}
)
# In a variable of several segments reserved characters would stay escaped, as the client half sends them.
IN_SEVERAL = st.text(st.characters(codec="utf-8", exclude_characters=":/?#[]@!$&'()*+,;=."), min_size=1, max_size=10)
WITH_TEXT = WRAPPERS | {f"google.protobuf.{name}" for name in ("Duration", "FieldMask", "Timestamp")}
NOT_IN_A_URL = [f"google.protobuf.{name}" for name in ("Any", "Empty", "ListValue", "Struct", "Value")]


@cache
def contracts(name: str) -> Contracts:
    return read_descriptor_set(DESCRIPTORS) if name == "ours" else load_descriptor_set(compile_probe())


@cache
def table(name: str) -> RouteTable:
    return RouteTable(contracts(name), list(contracts(name).services), with_aliases=True)


def is_sent_by_clients(route: Route) -> bool:
    """Google's clients send messages as bodies, name each wildcard, and have no bytes in paths.

    An empty Struct is no request to them, and a part of a Timestamp in the path they send a second time.
    """
    through = [field for each in route.decoder.variables for field in each.parameter.chain[:-1]]
    if route.rpc.input.full_name in NOT_IN_A_URL or any(is_a(field, *WITH_TEXT) for field in through):
        return False
    body = route.rpc.input.fields_by_name.get(route.binding.body)
    if body is not None and (body.is_repeated or not is_message(body)):
        return False
    if route.binding.body and not route.decoder.takes_json:
        return False
    lasts = [each.parameter.chain[-1].type for each in route.decoder.variables]
    return "*" not in re.sub(r"\{[^}]*\}", "", route.binding.template.text) and FieldDescriptor.TYPE_BYTES not in lasts


ROUTES = [(name, route) for name in ("ours", "probe") for route in table(name).routes if is_sent_by_clients(route)]


def name_of(value: Any) -> str:
    return f"{value.binding.verb} {value.binding.template.text}" if isinstance(value, Route) else str(value)


def with_path_filled(route: Route, message: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Every variable of the path gets a value, and what would be filled in by the edge is there."""
    for each in route.decoder.variables:
        holder = message
        for field in each.parameter.chain[:-1]:
            holder = getattr(holder, field.name)
        last = each.parameter.chain[-1]
        setattr(holder, last.name, draw(in_path(route, each.variable.fields, last)))
    if route.binding.body not in {"", "*"}:
        body = getattr(message, route.binding.body)
        body.SetInParent()
        if body.DESCRIPTOR.full_name == "google.protobuf.Value" and body.WhichOneof("kind") is None:
            body.null_value = 0
    for field in message.DESCRIPTOR.fields:
        if is_a(field, "google.protobuf.FieldMask") and not getattr(message, field.name).paths:
            getattr(message, field.name).paths.append("some_field")


def in_path(route: Route, fields: tuple[str, ...], last: FieldDescriptor) -> st.SearchStrategy[Any]:
    """Values of a variable, as its pattern has them."""
    pattern = re.search(rf"\{{{re.escape('.'.join(fields))}=([^}}]+)\}}", route.binding.template.text)
    if last.type == FieldDescriptor.TYPE_STRING:
        if pattern is None or pattern[1] == "*":
            return IN_PATH
        parts = [_segments(segment) for segment in pattern[1].split("/")]
        return st.tuples(*parts).map("/".join)
    if last.type == FieldDescriptor.TYPE_ENUM:
        return st.sampled_from([value.number for value in enum_of(last).values])
    if last.type in {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}:
        # Infinity would be sent as Python writes it.
        return st.floats(allow_nan=False, allow_infinity=False, width=32)
    return SCALARS[last.type]


def _segments(segment: str) -> st.SearchStrategy[str]:
    if segment == "**":
        return st.lists(IN_SEVERAL, min_size=1, max_size=3).map("/".join)
    return IN_SEVERAL if segment == "*" else st.just(segment)


def without_output_only(message: Any) -> Any:
    for field, value in message.ListFields():
        if is_output_only(field):
            message.ClearField(field.name)
        elif is_message(field) and not is_map(field):
            for each in value if field.is_repeated else [value]:
                without_output_only(each)
    return message


def without_what_no_url_has(message: Any, *, but: str = "") -> None:
    """Leave out repeated messages, free forms, and messages in which nothing is set."""
    for field, value in message.ListFields():
        if field.name == but or not is_message(field) or (not field.is_repeated and is_a(field, *WITH_TEXT)):
            continue
        if not field.is_repeated and not is_a(field, *NOT_IN_A_URL):
            without_what_no_url_has(value)
        if field.is_repeated or is_a(field, *NOT_IN_A_URL) or not value.ListFields():
            message.ClearField(field.name)


def sent(name: str, route: Route, message: Message) -> HttpParts:
    """The request as a Google client sends it."""
    verb = "LOCK" if route.binding.verb == ANY_METHOD else route.binding.verb
    option = {"method": verb.lower(), "uri": route.binding.template.text, "body": route.binding.body}
    options = [{key: value for key, value in option.items() if value}]
    made = path_template.transcode(options, message=message)  # type: ignore[no-untyped-call]  # ships no types
    pool = contracts(name).pool
    query = json_format.MessageToDict(made["query_params"], descriptor_pool=pool)
    body = json_format.MessageToJson(made["body"], descriptor_pool=pool).encode() if "body" in made else b""
    parameters = rest_helpers.flatten_query_params(query, strict=True)  # type: ignore[no-untyped-call]  # as above
    found, segments = table(name).find(verb, made["uri"])
    assert found is route
    return HttpParts(segments, urlencode(parameters).encode(), body, "application/json")


@pytest.mark.parametrize(("name", "route"), ROUTES, ids=name_of)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_a_message_comes_through_http_unchanged(name: str, route: Route, drawn: st.DataObject) -> None:
    # A number that no value of the enum has is refused in a URL.
    strategy = messages(contracts(name).pool, route.rpc.input.full_name, with_unknown_enums=False)
    message = without_output_only(drawn.draw(strategy))
    if route.binding.body != "*":
        without_what_no_url_has(message, but=route.binding.body)
    with_path_filled(route, message, drawn.draw)
    assume(message.ByteSize() < 60_000)
    decoded = route.decoder.decode(sent(name, route, message))
    # As bytes: NaN is not equal to itself.
    assert decoded.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


def test_every_method_of_ours_has_a_route_that_is_sent() -> None:
    with_routes = {route.rpc.full_name for name, route in ROUTES if name == "ours"}
    assert with_routes == {rpc.full_name for rpcs in contracts("ours").services.values() for rpc in rpcs}


def test_most_bindings_of_the_probe_are_sent() -> None:
    assert len([route for name, route in ROUTES if name == "probe"]) > 50

"""An independent partner: google-api-core turns messages into HTTP requests, the edge turns these into messages again.

For every binding and alias of our contracts, random messages must come through the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.api_core import path_template, rest_helpers
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edge_proxy.descriptor_set import Contracts, read_descriptor_set
from edge_proxy.fields import held_by, is_message, is_output_only
from edge_proxy.request_decoder import HttpParts
from edge_proxy.route_table import Route, RouteTable
from tests.unit.edge_proxy.any_message import messages

DESCRIPTORS = Path(__file__).resolve().parents[3] / "generated" / "descriptors.binpb"
# What a path carries is never empty; the client half refuses slashes and dots that an URL would swallow.
IN_PATH = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=10).filter(
    lambda text: text not in {".", ".."}
)
IDS = st.integers(1, 2**63 - 1)


@cache
def contracts() -> Contracts:
    return read_descriptor_set(DESCRIPTORS)


@cache
def table() -> RouteTable:
    return RouteTable(contracts(), list(contracts().services), with_aliases=True)


def name_of(route: Route) -> str:
    return f"{route.binding.verb} {route.binding.template.text}"


def with_path_filled(route: Route, message: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Every variable of the path gets a value, and what would be filled in by the edge is there."""
    for each in route.decoder.variables:
        holder = message
        for field in each.parameter.chain[:-1]:
            holder = getattr(holder, field.name)
        last = each.parameter.chain[-1]
        setattr(holder, last.name, draw(IN_PATH if isinstance(getattr(holder, last.name), str) else IDS))
    if route.binding.body not in {"", "*"}:
        getattr(message, route.binding.body).SetInParent()
    for field in message.DESCRIPTOR.fields:
        if is_message(field) and held_by(field).name == "FieldMask" and not getattr(message, field.name).paths:
            getattr(message, field.name).paths.append("some_field")


def without_output_only(message: Any) -> Any:
    for field, value in message.ListFields():
        if is_output_only(field):
            message.ClearField(field.name)
        elif is_message(field):
            for each in value if field.is_repeated else [value]:
                without_output_only(each)
    return message


def sent(route: Route, message: Message) -> HttpParts:
    """The request as a Google client sends it."""
    option = {"method": route.binding.verb.lower(), "uri": route.binding.template.text, "body": route.binding.body}
    options = [{key: value for key, value in option.items() if value}]
    made = path_template.transcode(options, message=message)  # type: ignore[no-untyped-call]  # ships no types
    query = json_format.MessageToDict(made["query_params"])
    body = json_format.MessageToJson(made["body"]).encode() if "body" in made else b""
    parameters = rest_helpers.flatten_query_params(query, strict=True)  # type: ignore[no-untyped-call]  # as above
    found, segments = table().find(route.binding.verb, made["uri"])
    assert found is route
    return HttpParts(segments, urlencode(parameters).encode(), body, "application/json")


@pytest.mark.parametrize("route", table().routes, ids=name_of)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_a_message_comes_through_http_unchanged(route: Route, drawn: st.DataObject) -> None:
    # A number that no value of the enum has is refused in a URL.
    strategy = messages(contracts().pool, route.rpc.input.full_name, with_unknown_enums=False)
    message = without_output_only(drawn.draw(strategy))
    with_path_filled(route, message, drawn.draw)
    assume(message.ByteSize() < 60_000)
    assert route.decoder.decode(sent(route, message)) == message


def test_every_method_has_a_route() -> None:
    with_routes = {route.rpc.full_name for route in table().routes}
    assert with_routes == {rpc.full_name for rpcs in contracts().services.values() for rpc in rpcs}

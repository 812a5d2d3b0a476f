"""The compiled encoder says what json_format says, for messages of every kind."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_proxy.response_encoder import ResponseEncoder
from tests.unit.edge_proxy.any_message import messages

KINDS, LEGACY, OPEN = "kinds.v1.Kinds", "kinds.v1.Legacy", "kinds.v1.Open"


def by_library(message: Any, pool: DescriptorPool) -> Any:
    return json.loads(
        json_format.MessageToJson(message, always_print_fields_with_no_presence=True, descriptor_pool=pool)
    )


def a_message(pool: DescriptorPool, name: str, **fields: Any) -> Any:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))(**fields)


@pytest.mark.parametrize("name", [KINDS, LEGACY, OPEN])
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_the_encoder_equals_json_format(name: str, kinds_pool: DescriptorPool, drawn: st.DataObject) -> None:
    message = drawn.draw(messages(kinds_pool, name))
    form = ResponseEncoder(kinds_pool).of(kinds_pool.FindMessageTypeByName(name))
    assert json.loads(orjson.dumps(form(message))) == by_library(message, kinds_pool)


def test_an_extension_is_printed_under_its_full_name(kinds_pool: DescriptorPool) -> None:
    message = a_message(kinds_pool, OPEN, title="t")
    note = kinds_pool.FindExtensionByName("kinds.v1.note")
    message.Extensions[note] = "n"
    form = ResponseEncoder(kinds_pool).of(message.DESCRIPTOR)
    assert form(message) == {"title": "t", "numbers": [], "[kinds.v1.note]": "n"}


def test_fields_come_in_the_order_of_the_contract(kinds_pool: DescriptorPool) -> None:
    message = a_message(kinds_pool, KINDS, maybe_string="x", child={})
    form = ResponseEncoder(kinds_pool).of(message.DESCRIPTOR)
    order = [field.json_name for field in message.DESCRIPTOR.fields]
    assert sorted(form(message), key=order.index) == list(form(message))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_value_that_json_has_no_number_for_is_refused(kinds_pool: DescriptorPool, number: float) -> None:
    message = a_message(kinds_pool, KINDS, value={"number_value": number})
    with pytest.raises(ValueError, match="finite"):
        ResponseEncoder(kinds_pool).of(message.DESCRIPTOR)(message)


def test_an_any_of_a_type_that_is_not_in_the_pool_is_refused(kinds_pool: DescriptorPool) -> None:
    message = a_message(kinds_pool, KINDS, any={"type_url": "type.googleapis.com/nobody.Knows"})
    with pytest.raises(ValueError, match=r"nobody\.Knows"):
        ResponseEncoder(kinds_pool).of(message.DESCRIPTOR)(message)


@pytest.mark.parametrize(("seconds", "nanos"), [(2**62, 0), (0, -1), (0, 2_000_000_000)])
def test_a_time_outside_of_what_a_timestamp_may_hold_is_refused(
    kinds_pool: DescriptorPool, seconds: int, nanos: int
) -> None:
    message = a_message(kinds_pool, KINDS)
    message.time.seconds, message.time.nanos = seconds, nanos
    with pytest.raises(ValueError, match="is no"):
        ResponseEncoder(kinds_pool).of(message.DESCRIPTOR)(message)


def test_one_field_of_a_message_can_be_the_whole_answer(kinds_pool: DescriptorPool) -> None:
    message = a_message(kinds_pool, KINDS, int64s=[1, 2])
    encoder = ResponseEncoder(kinds_pool)
    fields = message.DESCRIPTOR.fields_by_name
    assert encoder.of_field(fields["int64s"])(message) == ["1", "2"]
    assert encoder.of_field(fields["child"])(message) is None

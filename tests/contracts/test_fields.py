"""Ids, counts, answers and comments look alike in every message."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from tests.support.contract import Commented, messages, methods, public_elements

FIELDS = [(f"{name}.{field.name}", field) for name, message in messages().items() for field in message.field]
COUNTS = [(name, field) for name, field in FIELDS if re.search(r"_counts?$", field.name)]
IDS = [(name, field) for name, field in FIELDS if re.search(r"_ids?$", field.name) and not name.endswith("request_id")]


def value_field(field: FieldDescriptorProto) -> FieldDescriptorProto:
    """The field itself, or the value of a map."""
    kind: DescriptorProto | None = messages().get(field.type_name)
    return kind.field[1] if kind is not None and kind.options.map_entry else field


@pytest.mark.parametrize(("name", "field"), COUNTS, ids=[name for name, _ in COUNTS])
def test_a_count_is_an_int32(name: str, field: FieldDescriptorProto) -> None:
    assert value_field(field).type == FieldDescriptorProto.TYPE_INT32


@pytest.mark.parametrize(("name", "field"), IDS, ids=[name for name, _ in IDS])
def test_an_id_is_an_int64(name: str, field: FieldDescriptorProto) -> None:
    assert field.type == FieldDescriptorProto.TYPE_INT64


def test_every_rpc_has_a_request_and_a_response_of_its_own() -> None:
    for method in methods():
        assert method.proto.input_type.endswith(f".{method.name}Request")
        assert method.proto.output_type.endswith(f".{method.name}Response")


def test_answers_with_tweets_can_say_what_they_go_without() -> None:
    with_tweets = [
        method
        for method in methods()
        if method.is_public and "includes" in {field.name for field in method.response.field}
    ]
    with_tweets = [method for method in with_tweets if "Tweet" in method.name or method.name == "ListReplies"]
    assert with_tweets
    for method in with_tweets:
        if method.name == "ListTweetLikes":
            continue  # it lists accounts
        assert "degraded" in {field.name for field in method.response.field}, str(method)


@pytest.mark.parametrize("element", list(public_elements()), ids=lambda element: element.name)
def test_every_part_of_the_public_contract_is_explained(element: Commented) -> None:
    assert element.comment

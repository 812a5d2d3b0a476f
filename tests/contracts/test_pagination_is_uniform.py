"""Every list pages, and all public ones page the same way (AIP-158)."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

from tests.support.contract import Method, methods

REPEATED = FieldDescriptorProto.LABEL_REPEATED
LISTS = [method for method in methods() if method.name.startswith("List")]
# Leaves take a plain keyset and a limit: their callers are our own services.
WITH_TOKENS = [method for method in LISTS if method.is_public or method.package == "aviary.mesh.internal.v1"]
WITH_KEYSETS = [method for method in LISTS if method not in WITH_TOKENS]


def fields(message: DescriptorProto) -> dict[str, FieldDescriptorProto]:
    return {field.name: field for field in message.field}


def test_there_are_lists_of_both_kinds() -> None:
    assert WITH_TOKENS
    assert WITH_KEYSETS


@pytest.mark.parametrize("method", WITH_TOKENS, ids=str)
def test_a_list_takes_and_gives_page_tokens(method: Method) -> None:
    asked, answered = fields(method.request), fields(method.response)
    assert asked["page_size"].type == FieldDescriptorProto.TYPE_INT32
    assert asked["page_token"].type == FieldDescriptorProto.TYPE_STRING
    assert answered["next_page_token"].type == FieldDescriptorProto.TYPE_STRING


@pytest.mark.parametrize("method", WITH_TOKENS, ids=str)
def test_the_items_of_a_list_are_its_first_field(method: Method) -> None:
    first = next(field for field in method.response.field if field.number == 1)
    assert first.label == REPEATED


@pytest.mark.parametrize("method", WITH_KEYSETS, ids=str)
def test_a_list_for_services_has_a_limit_and_a_keyset(method: Method) -> None:
    asked = fields(method.request)
    assert asked["limit"].type == FieldDescriptorProto.TYPE_INT32
    assert {"after_edge_id", "max_id"} & asked.keys()


@pytest.mark.parametrize("method", methods(), ids=str)
def test_only_lists_page(method: Method) -> None:
    pages = "page_token" in fields(method.request)
    assert pages == (method in WITH_TOKENS)

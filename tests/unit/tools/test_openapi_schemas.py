"""Schemas hold for what the edge writes, and say what the rules of protovalidate ask."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from google.protobuf import text_format
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from buf.validate.validate_pb2 import (
    IGNORE_ALWAYS,
    IGNORE_IF_ZERO_VALUE,
    DoubleRules,
    EnumRules,
    FieldRules,
    Int32Rules,
    Int64Rules,
    MapRules,
    RepeatedRules,
    StringRules,
)
from edge_proxy.response_encoder import ResponseEncoder
from tests.support.compiled import ROOT, compile_protos
from tests.unit.edge_proxy.any_message import messages
from tools.openapi.constraints import constraints
from tools.openapi.schemas import Schemas

KINDS = "kinds.v1.Kinds"
SHORT = StringRules(min_len=2)


@pytest.fixture(scope="module")
def pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in compile_protos(ROOT / "tests" / "unit" / "edge_proxy", "kinds.proto").file:
        pool.Add(file)
    return pool


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_what_the_edge_writes_is_as_the_schema_says(pool: DescriptorPool, drawn: st.DataObject) -> None:
    message = drawn.draw(messages(pool, KINDS, with_unknown_enums=False))
    schemas = Schemas({})
    kinds = pool.FindMessageTypeByName(KINDS)
    schema = schemas.of(kinds)
    whole = {**schema, "components": {"schemas": closed(schemas.components)}}
    written = json.loads(orjson.dumps(ResponseEncoder(pool).of(kinds)(message)))
    assert list(Draft202012Validator(whole).iter_errors(written)) == []


def closed(components: dict[str, Any]) -> dict[str, Any]:
    """The same, but a name that is not told is an error."""
    return {
        name: {**each, "additionalProperties": False} if each["type"] == "object" else each
        for name, each in components.items()
    }


def read(text: str) -> FieldRules:
    """Rules as protobuf's text has them: `in` is no name that Python could take."""
    return text_format.Parse(text, FieldRules())


@pytest.mark.parametrize(
    ("rules", "keywords"),
    [
        (FieldRules(), {}),
        (FieldRules(string=StringRules(len=3)), {"minLength": 3, "maxLength": 3}),
        (FieldRules(string=StringRules(const="a")), {"const": "a"}),
        (read('string {in: ["a", "b"]}'), {"enum": ["a", "b"]}),
        (FieldRules(string=StringRules(email=True, max_len=9)), {"maxLength": 9, "format": "email"}),
        (FieldRules(string=StringRules(uri_ref=True)), {"format": "uri-reference"}),
        (FieldRules(string=SHORT, ignore=IGNORE_ALWAYS), {}),
        (FieldRules(string=SHORT, ignore=IGNORE_IF_ZERO_VALUE), {"anyOf": [{"const": ""}, {"minLength": 2}]}),
        (FieldRules(int32=Int32Rules(gte=1, lt=9)), {"minimum": 1, "exclusiveMaximum": 9}),
        (FieldRules(double=DoubleRules(gt=0.5, lte=9)), {"exclusiveMinimum": 0.5, "maximum": 9}),
        (FieldRules(int64=Int64Rules(gt=0)), {"pattern": "^0*[1-9][0-9]*$"}),
        (FieldRules(int64=Int64Rules(gte=0)), {"pattern": "^[0-9]+$"}),
        (FieldRules(int64=Int64Rules(gte=-5)), {}),
        (read("uint64 {in: 7}"), {"enum": ["7"]}),
        (FieldRules(enum=EnumRules(defined_only=True)), {}),
        (FieldRules(repeated=RepeatedRules(unique=True, max_items=2)), {"maxItems": 2, "uniqueItems": True}),
        (FieldRules(repeated=RepeatedRules(items=FieldRules(string=SHORT))), {"items": {"minLength": 2}}),
        (
            FieldRules(map=MapRules(min_pairs=1, keys=FieldRules(string=SHORT), values=FieldRules(string=SHORT))),
            {"minProperties": 1, "propertyNames": {"minLength": 2}, "additionalProperties": {"minLength": 2}},
        ),
    ],
    ids=str,
)
def test_a_rule_is_a_keyword(rules: FieldRules, keywords: Any) -> None:
    assert constraints(rules) == keywords

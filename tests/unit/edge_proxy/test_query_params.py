"""Query strings into messages, row by row of the rules in docs/edge.md."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool

from edge_proxy.fields import BadField
from edge_proxy.query_params import Parameters, Seen, parse_query

KINDS = "kinds.v1.Kinds"


def read(pool: DescriptorPool, query: str) -> Any:
    descriptor = pool.FindMessageTypeByName(KINDS)
    message = message_factory.GetMessageClass(descriptor)()
    parameters, seen = Parameters(descriptor), Seen()
    for name, text in parse_query(query.encode()):
        parameters.named(name).bind(message, text, seen)
    return message


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {}),
        ("&&", {}),
        ("anInt64=5", {"an_int64": 5}),
        ("an_int64=-005", {"an_int64": -5}),
        ("aUint64=18446744073709551615", {"a_uint64": 2**64 - 1}),
        ("other-name=x", {"renamed": "x"}),
        ("renamed=x", {"renamed": "x"}),
        ("aBool=t", {"a_bool": True}),
        ("aBool=TRUE", {"a_bool": True}),
        ("aBool=1", {"a_bool": True}),
        ("maybeBool=F", {"maybe_bool": False}),
        ("aDouble=-Infinity", {"a_double": -math.inf}),
        ("aDouble=1e3", {"a_double": 1000.0}),
        ("aFloat=0.1", {"a_float": 0.1}),
        ("aString=a+b%2Bc;d", {"a_string": "a b+c;d"}),
        ("aString", {"a_string": ""}),
        ("maybeString=", {"maybe_string": ""}),
        ("aString=a=b", {"a_string": "a=b"}),
        ("aString=%F0%9F%90%A6", {"a_string": "🐦"}),
        ("%61String=x", {"a_string": "x"}),
        ("someBytes=-_8", {"some_bytes": b"\xfb\xff"}),
        ("someBytes=%2B%2F8%3D", {"some_bytes": b"\xfb\xff"}),
        ("aColor=COLOR_RED", {"a_color": 1}),
        ("aColor=-7", {"a_color": -7}),
        ("colors=1&colors=COLOR_BLUE", {"colors": [1, -7]}),
        ("strings=a,b&strings=c", {"strings": ["a,b", "c"]}),
        ("child.child.anInt32=5", {"child": {"child": {"an_int32": 5}}}),
        ("child.aBool=1&child.int32s=2", {"child": {"a_bool": True, "int32s": [2]}}),
        ("time=1970-01-01T00:00:01Z", {"time": {"seconds": 1}}),
        ("time.seconds=1&time.nanos=5", {"time": {"seconds": 1, "nanos": 5}}),
        ("duration=1.5s", {"duration": {"seconds": 1, "nanos": 500_000_000}}),
        ("mask=a,bC,d_e.fG", {"mask": {"paths": ["a", "b_c", "d_e.f_g"]}}),
        ("int64Value=5", {"int64_value": {"value": 5}}),
        ("int64Value.value=5", {"int64_value": {"value": 5}}),
        ("boolValue=false", {"bool_value": {}}),
        ("name=x", {"name": "x"}),
    ],
)
def test_a_good_query_fills_the_message(kinds_pool: DescriptorPool, query: str, fields: dict[str, Any]) -> None:
    expected = message_factory.GetMessageClass(kinds_pool.FindMessageTypeByName(KINDS))(**fields)
    assert read(kinds_pool, query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("anInt64=%2B5", "anInt64"),
        ("anInt64=+5", "anInt64"),
        ("anInt64=1e3", "anInt64"),
        ("anInt64=1.0", "anInt64"),
        ("anInt64=1_000", "anInt64"),
        ("anInt64=", "anInt64"),
        ("anInt64", "anInt64"),
        ("anInt64=%D9%A1", "anInt64"),
        ("anInt64=9223372036854775808", "anInt64"),
        ("anInt64=" + "9" * 5000, "anInt64"),
        ("aUint32=-1", "aUint32"),
        ("aBool=yes", "aBool"),
        ("aBool=tRUE", "aBool"),
        ("aDouble=inf", "aDouble"),
        ("aDouble=1e999", "aDouble"),
        ("aFloat=1e39", "aFloat"),
        ("aColor=RED", "aColor"),
        ("aColor=color_red", "aColor"),
        ("aColor=99", "aColor"),
        ("someBytes=a%20b", "someBytes"),
        ("aString=%zz", "aString"),
        ("aString=%ff", "aString"),
        ("unknown=1", "unknown"),
        ("child.unknown=1", "child.unknown"),
        ("anInt64.x=1", "anInt64.x"),
        ("children.aBool=1", "children.aBool"),
        ("anInt64=1&anInt64=1", "anInt64"),
        ("anInt64=1&an_int64=1", "anInt64"),
        ("child=x", "child"),
        ("children=x", "children"),
        ("kindsByInt64=x", "kindsByInt64"),
        ("stringByString[a]=x", "stringByString[a]"),
        ("struct=x", "struct"),
        ("value=x", "value"),
        ("list=x", "list"),
        ("any=x", "any"),
        ("times=1970-01-01T00:00:01Z", "times"),
        ("duration=1m30s", "duration"),
        ("time=1", "time"),
        ("time=1970-01-01T00:00:01Z&time.seconds=1", "time.seconds"),
        ("time.seconds=1&time=1970-01-01T00:00:01Z", "time"),
        ("name=x&number=1", "number"),
        ("other.aBool=1&name=x", "name"),
        ("child.name=x&child.number=1", "child.number"),
        (".=1", "."),
        ("child." * 101 + "aBool=1", ("child." * 101)[:63] + "…"),
        ("=1", ""),
    ],
)
def test_a_bad_query_is_refused_and_its_parameter_named(kinds_pool: DescriptorPool, query: str, field: str) -> None:
    with pytest.raises(BadField) as refused:
        read(kinds_pool, query)
    assert refused.value.where == field


def test_what_is_given_twice_is_told_apart_from_what_is_given_in_parts(kinds_pool: DescriptorPool) -> None:
    with pytest.raises(BadField, match="is given twice"):
        read(kinds_pool, "anInt64=1&anInt64=1")
    with pytest.raises(BadField, match="whole and in parts"):
        read(kinds_pool, "time.seconds=1&time=1970-01-01T00:00:01Z")


def test_the_same_oneof_field_may_be_filled_in_parts(kinds_pool: DescriptorPool) -> None:
    message = read(kinds_pool, "other.aBool=1&other.anInt32=2")
    assert (message.other.a_bool, message.other.an_int32) == (True, 2)


def test_names_without_end_are_not_all_remembered(kinds_pool: DescriptorPool) -> None:
    parameters = Parameters(kinds_pool.FindMessageTypeByName(KINDS))
    for spelling in range(1_100):
        parts = ["child" if spelling >> bit & 1 else "lambda" for bit in range(11)]
        assert parameters.named(".".join([*parts, "aBool"])).where[-1] == "aBool"
    assert len(parameters._known) <= 1000

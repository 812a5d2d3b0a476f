"""JSON bodies into messages: what json_format wrote comes back, and every bad one is refused clearly."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_proxy.fields import BadField
from edge_proxy.json_messages import MessageReaders
from edge_proxy.json_text import parse_json
from tests.unit.edge_proxy.any_message import messages

KINDS, LEGACY = "kinds.v1.Kinds", "kinds.v1.Legacy"


def read(pool: DescriptorPool, body: str | bytes, *, name: str = KINDS, ignores_unknown: bool = False) -> Any:
    descriptor = pool.FindMessageTypeByName(name)
    message = message_factory.GetMessageClass(descriptor)()
    raw = body if isinstance(body, bytes) else body.encode()
    MessageReaders(pool, ignores_unknown=ignores_unknown).of(descriptor)(message, parse_json(raw), 0)
    return message


@pytest.mark.parametrize("name", [KINDS, LEGACY])
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=st.data())
def test_what_json_format_wrote_is_read_back(name: str, kinds_pool: DescriptorPool, drawn: st.DataObject) -> None:
    message = drawn.draw(messages(kinds_pool, name))
    keep_names = drawn.draw(st.booleans())
    text = json_format.MessageToJson(message, descriptor_pool=kinds_pool, preserving_proto_field_name=keep_names)
    read_message = read(kinds_pool, text, name=name)
    # As bytes: NaN is not equal to itself.
    assert read_message.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"anInt64": "1_000"}', "anInt64"),
        ('{"anInt64": " 12 "}', "anInt64"),
        ('{"anInt64": "١٢٣"}', "anInt64"),
        ('{"anInt64": "\uff19"}', "anInt64"),
        ('{"anInt64": "+5"}', "anInt64"),
        ('{"anInt64": "1e3"}', "anInt64"),
        ('{"anInt64": "0x10"}', "anInt64"),
        ('{"anInt64": ""}', "anInt64"),
        ('{"anInt64": 9223372036854775808}', "anInt64"),
        ('{"anInt64": 1.5}', "anInt64"),
        ('{"anInt64": 1e400}', "anInt64"),
        ('{"anInt64": 1e999999999999999999999}', "anInt64"),
        ('{"anInt64": true}', "anInt64"),
        ('{"anInt64": [1]}', "anInt64"),
        ('{"aUint32": -1}', "aUint32"),
        ('{"anInt32": 2147483648}', "anInt32"),
        ('{"aBool": "true"}', "aBool"),
        ('{"aBool": 1}', "aBool"),
        ('{"aString": 5}', "aString"),
        ('{"aString": "\\ud800"}', "aString"),
        ('{"someBytes": "!"}', "someBytes"),
        ('{"someBytes": "YQ="}', "someBytes"),
        ('{"someBytes": "A"}', "someBytes"),
        ('{"aDouble": "1,5"}', "aDouble"),
        ('{"aDouble": 1e309}', "aDouble"),
        ('{"aDouble": "nan"}', "aDouble"),
        ('{"aFloat": 3.5e38}', "aFloat"),
        ('{"aColor": "RED"}', "aColor"),
        ('{"aColor": "1"}', "aColor"),
        ('{"aColor": 2147483648}', "aColor"),
        ('{"aColor": 1.5}', "aColor"),
        ('{"int64s": 5}', "int64s"),
        ('{"int64s": [1, null]}', "int64s[1]"),
        ('{"int64s": ["1", "x"]}', "int64s[1]"),
        ('{"child": []}', "child"),
        ('{"child": {"child": {"anInt32": "x"}}}', "child.child.anInt32"),
        ('{"children": [{}, {"noSuch": 1}]}', "children[1].noSuch"),
        ('{"kindsByInt64": {"5": {"aBool": 3}}}', "kindsByInt64[5].aBool"),
        ('{"kindsByInt64": {"x": {}}}', "kindsByInt64[x]"),
        ('{"kindsByInt64": {"5": {}, "05": {}}}', "kindsByInt64[05]"),
        ('{"kindsByInt64": {"5": null}}', "kindsByInt64[5]"),
        ('{"kindsByInt64": []}', "kindsByInt64"),
        ('{"doubleByBool": {"1": 1}}', "doubleByBool[1]"),
        ('{"name": "x", "number": 1}', "number"),
        ('{"nothing": null, "name": "x"}', "name"),
        ('{"someBytes": "", "some_bytes": ""}', "someBytes"),
        ('{"aBool": true, "aBool": true}', "aBool"),
        ('{"unknown": 1}', "unknown"),
        ('{"time": "yesterday"}', "time"),
        ('{"time": 5}', "time"),
        ('{"time": "2026-02-30T00:00:00Z"}', "time"),
        ('{"time": "٢٠٢٦-01-01T00:00:00Z"}', "time"),
        ('{"time": "2026-01-01 00:00:00Z"}', "time"),
        ('{"duration": "1m30s"}', "duration"),
        ('{"duration": "999999999999s"}', "duration"),
        ('{"mask": "a b"}', "mask"),
        ('{"struct": []}', "struct"),
        ('{"value": 1e400}', "value"),
        ('{"value": {"a": ["\\ud800"]}}', "value[a][0]"),
        ('{"list": {}}', "list"),
        ('{"any": {"a": 1}}', "any.@type"),
        ('{"any": {"@type": "type.googleapis.com/nobody.Knows"}}', "any.@type"),
        ('{"any": {"@type": "type.googleapis.com/kinds.v1.Kinds", "x": 1}}', "any.x"),
        ('{"any": {"@type": "type.googleapis.com/google.protobuf.Duration"}}', "any"),
        ('{"any": []}', "any"),
        ('{"int64Value": "x"}', "int64Value"),
        ('{"empty": {"a": 1}}', "empty.a"),
    ],
)
def test_a_bad_value_is_refused_and_its_field_named(kinds_pool: DescriptorPool, body: str, field: str) -> None:
    with pytest.raises(BadField) as refused:
        read(kinds_pool, body)
    assert refused.value.where == field


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"text"',
        b"5",
        b"null",
        b"",
        b" ",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"aDouble": NaN}',
        b'{"aDouble": Infinity}',
        b'{"aString": "\x01"}',
        b'\xef\xbb\xbf{"aBool": true}',
        b'{"aString": "\xff"}',
        '{"aBool": true}'.encode("utf-16"),
        b"[" * 60_000,
        b'{"a":' * 10_000,
    ],
)
def test_what_is_not_a_json_object_is_refused(kinds_pool: DescriptorPool, body: bytes) -> None:
    with pytest.raises(BadField):
        read(kinds_pool, body)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"anInt64": 9007199254740993}', {"an_int64": 9007199254740993}),
        ('{"anInt64": "9007199254740993"}', {"an_int64": 9007199254740993}),
        ('{"anInt64": 1.0, "anInt32": 1e3}', {"an_int64": 1, "an_int32": 1000}),
        ('{"anInt64": "-007"}', {"an_int64": -7}),
        ('{"aUint64": -0}', {"a_uint64": 0}),
        ('{"an_int64": 3}', {"an_int64": 3}),
        ('{"other-name": "x"}', {"renamed": "x"}),
        ('{"aColor": 99}', {"a_color": 99}),
        ('{"aColor": "COLOR_BLUE"}', {"a_color": -7}),
        ('{"aDouble": "-Infinity"}', {"a_double": float("-inf")}),
        ('{"aDouble": "1.5e3"}', {"a_double": 1500.0}),
        ('{"someBytes": "-_8"}', {"some_bytes": b"\xfb\xff"}),
        ('{"someBytes": "+/8="}', {"some_bytes": b"\xfb\xff"}),
        ('{"anInt64": null, "child": null, "int64s": null}', {}),
        ('{"mask": "a_b,cD.eF"}', {"mask": {"paths": ["a_b", "c_d.e_f"]}}),
        ('{"any": {}}', {"any": {}}),
    ],
)
def test_a_good_value_is_taken(kinds_pool: DescriptorPool, body: str, fields: dict[str, Any]) -> None:
    expected = message_factory.GetMessageClass(kinds_pool.FindMessageTypeByName(KINDS))(**fields)
    assert read(kinds_pool, body) == expected


def test_an_id_of_5000_digits_is_refused_by_its_range(kinds_pool: DescriptorPool) -> None:
    for digits in ("9" * 5000, f'"{"9" * 5000}"'):
        with pytest.raises(BadField) as refused:
            read(kinds_pool, f'{{"anInt64": {digits}}}')
        assert refused.value.where == "anInt64"
        assert "9223372036854775807" in refused.value.description
        assert len(refused.value.description) < 200


def test_null_is_a_value_only_where_a_value_can_be_null(kinds_pool: DescriptorPool) -> None:
    message = read(kinds_pool, '{"value": null, "nothing": null, "values": [null]}')
    assert message.value.WhichOneof("kind") == "null_value"
    assert message.WhichOneof("choice") == "nothing"
    assert len(message.values) == 1


def test_an_unknown_name_of_a_closed_enum_and_its_unknown_number_are_refused(kinds_pool: DescriptorPool) -> None:
    for value in ('"HUGE"', "7"):
        with pytest.raises(BadField):
            read(kinds_pool, f'{{"size": {value}}}', name=LEGACY)


def test_a_lenient_reader_passes_over_what_is_no_field_but_not_over_bad_values(kinds_pool: DescriptorPool) -> None:
    message = read(kinds_pool, '{"private": true, "child": {"x": {}, "anInt32": 1}}', ignores_unknown=True)
    assert message.child.an_int32 == 1
    with pytest.raises(BadField):
        read(kinds_pool, '{"private": true, "anInt32": "x"}', ignores_unknown=True)


@pytest.mark.parametrize(
    "around",
    [
        '{"child": @}',
        '{"children": [@]}',
        '{"kindsByInt64": {"1": @}}',
        # Before the bar stands what is there once.
        '{"value": |{"a": @}|}',
        '{"value": |[@]|}',
        '{"struct": {"a": |{"a": @}|}}',
        '{"valueByString": {"a": |[@]|}}',
    ],
)
@pytest.mark.parametrize(
    "inside",
    [
        *(
            "{}",
            '{"anInt32":1}',
            '{"child":{}}',
            '{"time":"1970-01-01T00:00:00Z"}',
            '{"int64Value":"1"}',
            '{"value":null}',
        ),
        *('{"struct":{}}', '{"list":[]}', '{"list":[[]]}', '{"struct":{"a":{}}}', '{"stringByString":{"a":"b"}}'),
        *('{"times":["1970-01-01T00:00:00Z"]}', '{"mask":"a"}', '{"empty":{}}', '{"any":{}}', '{"values":[null]}'),
    ],
)
def test_what_is_taken_is_as_deep_as_a_server_can_read(kinds_pool: DescriptorPool, around: str, inside: str) -> None:
    """A level more than the reader takes is one that protobuf does not take either, and the other way round."""
    before, repeated, after = around.split("|") if "|" in around else ("", around, "")
    opening, closing = repeated.split("@")
    kind = message_factory.GetMessageClass(kinds_pool.FindMessageTypeByName(KINDS))

    def body(times: int) -> str:
        return before + opening * times + inside + closing * times + after

    def is_too_deep(times: int) -> bool:
        # Made by the library, with a bound that is out of reach.
        message = json_format.Parse(body(times), kind(), descriptor_pool=kinds_pool, max_recursion_depth=1_000)
        try:
            kind.FromString(message.SerializeToString())
        except DecodeError:
            return True
        return False

    first = bisect_left(range(120), True, key=is_too_deep)
    assert 25 < first <= 101
    taken = read(kinds_pool, body(first - 1))
    assert kind.FromString(taken.SerializeToString()) == taken
    with pytest.raises(BadField, match="deeper"):
        read(kinds_pool, body(first))


def test_what_a_client_wrote_can_be_shown_in_a_message(kinds_pool: DescriptorPool) -> None:
    with pytest.raises(BadField) as refused:
        read(kinds_pool, '{"\\ud800\\n' + "x" * 1000 + '": 1}')
    refused.value.where.encode()
    assert len(refused.value.where) < 100
    assert "\n" not in refused.value.where

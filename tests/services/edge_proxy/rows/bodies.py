"""JSON bodies: the text itself, values of every kind, what is refused, and how deep they may be."""

from __future__ import annotations

from tests.services.edge_proxy.rows.row import Row, bad, good, refused


def _reads(name: str, body: object, message: str = "") -> Row:
    return good(f"body: {name}", "POST /take", "Take", message, body)


def _refuses(name: str, body: object, field: str = "") -> Row:
    return bad(f"body: {name}", "POST /take", field, body)


def _deep(opening: str, closing: str, times: int, inside: str = "{}") -> str:
    return opening * times + inside + closing * times


TEXT = [
    _reads("no body is an empty object", b""),
    _reads("an empty object", "{}"),
    _reads("space around it", ' \r\n\t{"aBool" : true} \n', "a_bool: true"),
    _reads("escapes", r'{"aString": "\u20ac\ud83d\udc26\n\u0000"}', r'a_string: "€🐦\n\0"'),
    _reads("an escaped name", r'{"a\u0042ool": true}', "a_bool: true"),
    _refuses("space alone", " "),
    _refuses("an array is no request", "[]"),
    _refuses("a text", '"x"'),
    _refuses("a number", "5"),
    _refuses("null", "null"),
    _refuses("an object that does not end", "{"),
    _refuses("a comma too many", '{"aBool": true,}'),
    _refuses("something behind it", "{} x"),
    _refuses("another object behind it", "{}{}"),
    _refuses("single quotes", "{'aBool': true}"),
    _refuses("a name without quotes", "{aBool: true}"),
    _refuses("a comment", "{/* no */}"),
    _refuses("a byte order mark", "\ufeff{}"),
    _refuses("UTF-16", "{}".encode("utf-16-le")),
    _refuses("no UTF-8", b'{"aString": "\xff"}'),
    _refuses("NaN as a literal", '{"aDouble": NaN}'),
    _refuses("Infinity as a literal", '{"aDouble": -Infinity}'),
    _refuses("half a surrogate pair", r'{"aString": "\ud83d"}', "aString"),
    _refuses("the other half", r'{"aString": "\udc26"}', "aString"),
    _refuses("half a surrogate pair as a key of a map", r'{"counts": {"\ud83d": 1}}', r"counts[\ud83d]"),
    _refuses("half a surrogate pair in a Struct", r'{"struct": {"a": "\ud83d"}}', "struct[a]"),
    _refuses("a control character", b'{"aString": "\x01"}'),
    _refuses("a form", "aBool=true"),
    _refuses("60,000 brackets", "[" * 60_000),
]

NAMES = [
    _reads("camelCase", {"anInt64": "5"}, "an_int64: 5"),
    _reads("snake_case", {"an_int64": "5"}, "an_int64: 5"),
    _reads("json_name", {"x-name": "a"}, 'renamed: "a"'),
    _reads("the name of a field with a json_name", {"renamed": "a"}, 'renamed: "a"'),
    _refuses("an unknown field", {"nope": 1}, "nope"),
    _refuses("an unknown field inside", {"node": {"child": {"nope": 1}}}, "node.child.nope"),
    _refuses("an unknown field in an array", {"nodes": [{}, {"nope": 1}]}, "nodes[1].nope"),
    _refuses("an unknown field that is null", {"nope": None}, "nope"),
    _refuses("a name in another case", {"AnInt64": 1}, "AnInt64"),
    _refuses("a dotted name", {"node.name": "x"}, "node.name"),
    _refuses("a key twice", '{"aBool": true, "aBool": true}', "aBool"),
    _refuses("a field under two names", {"anInt64": 1, "an_int64": 1}, "anInt64"),
    _refuses("a field under its json_name and its name", {"x-name": "a", "renamed": "a"}, "x-name"),
    _refuses("a field twice, once null", {"anInt64": None, "an_int64": 1}, "anInt64"),
    _refuses("a key twice inside", '{"node": {"name": "a", "name": "b"}}', "name"),
    _refuses("a key of a map twice", '{"counts": {"a": 1, "a": 2}}', "a"),
    _refuses("a key of a map in two spellings", {"names": {"1": "a", "01": "b"}}, "names[01]"),
]

NULLS = [
    _reads("null is not set", {"anInt64": None, "maybeInt32": None, "node": None, "int64Value": None, "time": None}),
    _reads("null for many is none", {"strings": None, "counts": None, "struct": None, "list": None, "any": None}),
    _reads("null of a Value is a value", {"value": None}, "value { null_value: NULL_VALUE }"),
    _reads("null of a NullValue", {"nothing": None}),
    _refuses("null inside an array", {"strings": ["a", None]}, "strings[1]"),
    _refuses("null inside an array of messages", {"nodes": [None]}, "nodes[0]"),
    _refuses("null inside a map", {"counts": {"a": None}}, "counts[a]"),
    _reads("null among Values", {"values": [None, 1]}, "values { null_value: NULL_VALUE } values { number_value: 1 }"),
    _reads(
        "null in a map of Values",
        {"valuesByName": {"a": None}},
        'values_by_name { key: "a" value { null_value: NULL_VALUE } }',
    ),
    _reads(
        "null in a Struct", {"struct": {"a": None}}, 'struct { fields { key: "a" value { null_value: NULL_VALUE } } }'
    ),
    _reads("null leaves a oneof to another", {"label": None, "number": "5"}, "number: 5"),
    _refuses("null of a Value is one of a oneof", {"wild": None, "label": "x"}, "label"),
]

NUMBERS = [
    _reads("64 bits as text", {"anInt64": "9007199254740993"}, "an_int64: 9007199254740993"),
    _reads("64 bits as a number", '{"anInt64": 9007199254740993}', "an_int64: 9007199254740993"),
    _reads("the smallest", {"anInt64": "-9223372036854775808"}, "an_int64: -9223372036854775808"),
    _reads("the largest", {"aUint64": "18446744073709551615"}, "a_uint64: 18446744073709551615"),
    _reads("32 bits as text", {"anInt32": "-5", "aFixed32": "5"}, "an_int32: -5 a_fixed32: 5"),
    _reads("a whole number with a point", '{"anInt64": 5.0}', "an_int64: 5"),
    _reads("a whole number with an exponent", '{"anInt32": 1.5e3}', "an_int32: 1500"),
    _reads("text with zeros in front, as in a URL", {"anInt64": "007"}, "an_int64: 7"),
    _refuses("beyond 64 bits", {"anInt64": "9223372036854775808"}, "anInt64"),
    _refuses("beyond 64 bits as a number", '{"aUint64": 18446744073709551616}', "aUint64"),
    _refuses("beyond 32 bits", {"anInt32": 2147483648}, "anInt32"),
    _refuses("less than none", {"aUint32": -1}, "aUint32"),
    _refuses("a fraction", {"anInt64": 1.5}, "anInt64"),
    _refuses("text with a point", {"anInt64": "1.0"}, "anInt64"),
    _refuses("text with an exponent", {"anInt64": "1e3"}, "anInt64"),
    _refuses("text with an underscore", {"anInt64": "1_000"}, "anInt64"),
    _refuses("text with a plus", {"anInt64": "+5"}, "anInt64"),
    _refuses("text with a space", {"anInt64": " 5"}, "anInt64"),
    _refuses("empty text", {"anInt64": ""}, "anInt64"),
    _refuses("a bool is no number", {"anInt64": True}, "anInt64"),
    _refuses("zeros in front of a number", '{"anInt64": 007}'),
    _refuses("a number without digits behind its point", '{"aDouble": 1.}'),
    _reads("doubles", {"aDouble": -1.5e300, "aFloat": 0.1}, "a_double: -1.5e300 a_float: 0.1"),
    _reads("doubles as text", {"aDouble": "1.5", "aFloat": "-Infinity"}, "a_double: 1.5 a_float: -inf"),
    _reads("NaN as text", {"aDouble": "NaN"}, "a_double: nan"),
    _refuses("a double that is too large", '{"aDouble": 1e400}', "aDouble"),
    _refuses("a float that is too large", {"aFloat": 3.5e38}, "aFloat"),
    _refuses("infinity by another name", {"aDouble": "inf"}, "aDouble"),
    _refuses("a bool in quotes", {"aBool": "true"}, "aBool"),
    _refuses("a bool as a number", {"aBool": 1}, "aBool"),
    _refuses("a number is no text", {"aString": 5}, "aString"),
]

OTHERS = [
    _reads("an enum by name", {"aColor": "COLOR_RED"}, "a_color: COLOR_RED"),
    _reads("an enum by its other name", {"aColor": "COLOR_SCARLET"}, "a_color: COLOR_RED"),
    _reads("an enum by number", {"aColor": -7}, "a_color: COLOR_BLUE"),
    _reads("an enum by unknown number", {"aColor": 99}, "a_color: 99"),
    _reads("unknown numbers among others", {"colors": [99, "COLOR_RED"]}, "colors: 99 colors: COLOR_RED"),
    _refuses("an enum by unknown name", {"aColor": "COLOR_PINK"}, "aColor"),
    _refuses("an enum by a name in another case", {"aColor": "color_red"}, "aColor"),
    _refuses("an enum by number in quotes", {"aColor": "1"}, "aColor"),
    _refuses("an enum beyond 32 bits", {"aColor": 2147483648}, "aColor"),
    _refuses("an enum that is true", {"aColor": True}, "aColor"),
    _reads("bytes", {"aBytes": "+/8="}, r'a_bytes: "\373\377"'),
    _reads("bytes for URLs, without padding", {"aBytes": "-_8"}, r'a_bytes: "\373\377"'),
    _refuses("bytes that are none", {"aBytes": "!"}, "aBytes"),
    _refuses("bytes of impossible length", {"aBytes": "YWJjZ"}, "aBytes"),
    _refuses("bytes with a space", {"aBytes": "YW I="}, "aBytes"),
    _reads(
        "presence",
        {"maybeInt32": 0, "maybeString": "", "maybeBool": False},
        'maybe_int32: 0 maybe_string: "" maybe_bool: false',
    ),
    _reads("an array", {"int64s": ["1", 2]}, "int64s: 1 int64s: 2"),
    _refuses("one for many", {"int64s": 1}, "int64s"),
    _refuses("many for one", {"anInt64": [1]}, "anInt64"),
    _refuses("a value in an array", {"int64s": [1, "x"]}, "int64s[1]"),
    _refuses("a message that is a text", {"node": "x"}, "node"),
    _reads(
        "maps",
        {"names": {"-1": "a"}, "flags": {"true": "b"}},
        'names { key: -1 value: "a" } flags { key: true value: "b" }',
    ),
    _reads("a map of messages", {"nodesByName": {"": {"name": "x"}}}, 'nodes_by_name { key: "" value { name: "x" } }'),
    _reads("a map of enums", {"colorsById": {"1": 99}}, "colors_by_id { key: 1 value: 99 }"),
    _refuses("a key of a map that is no number", {"names": {"x": "a"}}, "names[x]"),
    _refuses("a key of a map that is no bool", {"flags": {"1": "a"}}, "flags[1]"),
    _refuses("a key of a map out of range", {"colorsById": {"-1": 0}}, "colorsById[-1]"),
    _refuses("a value of a map", {"counts": {"a": "x"}}, "counts[a]"),
    _refuses("an array for a map", {"counts": []}, "counts"),
    _refuses("two of a oneof", {"label": "a", "number": "5"}, "number"),
    _refuses("two of a oneof, one empty", {"label": "", "other": {}}, "other"),
    _reads("what only the server sets", {"madeCount": "5", "summary": {"name": "x"}, "aBool": True}, "a_bool: true"),
    _refuses("what only the server sets, malformed", {"madeCount": "x"}, "madeCount"),
    _refuses("what only the server sets, unknown inside", {"summary": {"nope": 1}}, "summary.nope"),
]

SPECIAL = [
    _reads("a Timestamp", {"time": "2026-01-02T03:04:05.000000001Z"}, "time { seconds: 1767323045 nanos: 1 }"),
    _reads("a Timestamp elsewhere", {"time": "1970-01-01T01:00:00+01:00"}, "time {}"),
    _reads("the first Timestamp", {"time": "0001-01-01T00:00:00Z"}, "time { seconds: -62135596800 }"),
    _refuses("a Timestamp before it", {"time": "0001-01-01T00:00:00+00:01"}, "time"),
    _refuses("a Timestamp as a number", {"time": 5}, "time"),
    _refuses("a Timestamp as an object", {"time": {"seconds": 5}}, "time"),
    _refuses("a Timestamp without zone", {"time": "2026-01-02T03:04:05"}, "time"),
    _refuses("a Timestamp in small letters", {"time": "2026-01-02t03:04:05z"}, "time"),
    _reads("a Duration", {"duration": "-1.5s"}, "duration { seconds: -1 nanos: -500000000 }"),
    _refuses("a Duration of Go", {"duration": "1m"}, "duration"),
    _reads("a FieldMask", {"mask": "aB,c.dE"}, 'mask { paths: "a_b" paths: "c.d_e" }'),
    _reads("a FieldMask for everything, in JSON", {"mask": "*"}, 'mask { paths: "*" }'),
    _refuses("a FieldMask with a space", {"mask": "a b"}, "mask"),
    _refuses("a FieldMask as an array", {"mask": ["a"]}, "mask"),
    _reads(
        "a Struct",
        {"struct": {"a": [True, "x", {"b": 1.5}]}},
        'struct { fields { key: "a" value { list_value { values { bool_value: true } values { string_value: "x" }'
        ' values { struct_value { fields { key: "b" value { number_value: 1.5 } } } } } } } }',
    ),
    _refuses("an array is no Struct", {"struct": []}, "struct"),
    _refuses("a Struct as its fields are", {"struct": 5}, "struct"),
    _reads("a Value", {"value": "NaN"}, 'value { string_value: "NaN" }'),
    _refuses("a Value that is too large", '{"value": 1e400}', "value"),
    _reads("a ListValue", {"list": [1]}, "list { values { number_value: 1 } }"),
    _refuses("an object is no ListValue", {"list": {}}, "list"),
    _refuses("a key twice in a Struct", '{"struct": {"a": 1, "a": 1}}', "a"),
    _reads(
        "an Any",
        {"any": {"@type": "type.googleapis.com/acme.shapes.Place", "floor": 2}},
        "any { [type.googleapis.com/acme.shapes.Place] { floor: 2 } }",
    ),
    _reads(
        "an Any of a well-known type",
        {"any": {"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}},
        "any { [type.googleapis.com/google.protobuf.Duration] { seconds: 1 } }",
    ),
    _refuses("an Any of an unknown type", {"any": {"@type": "type.googleapis.com/acme.Nobody"}}, "any.@type"),
    _refuses("an Any without type", {"any": {"floor": 2}}, "any.@type"),
    _refuses("an unknown field in an Any", {"any": {"@type": "x/acme.shapes.Place", "nope": 2}}, "any.nope"),
    _reads("an Empty", {"empty": {}}, "empty {}"),
    _refuses("an Empty that is not", {"empty": {"a": 1}}, "empty.a"),
    _reads(
        "wrappers",
        {"boolValue": False, "int64Value": "-5", "uint64Value": 7, "stringValue": "", "bytesValue": "YWI"},
        'bool_value {} int64_value { value: -5 } uint64_value { value: 7 } string_value {} bytes_value { value: "ab" }',
    ),
    _refuses("a wrapper as an object", {"int64Value": {"value": 5}}, "int64Value"),
    _refuses("a wrapper of another kind", {"stringValue": 5}, "stringValue"),
    _refuses("null among wrappers", {"stringValues": [None]}, "stringValues[0]"),
]

# A level of a Struct in a Struct is a Struct, an entry and a Value.
DEPTHS = [
    _reads("a hundred messages", '{"node":' + _deep('{"child":', "}", 99) + "}", "node {" + "child {" * 99 + "}" * 100),
    bad(
        "a hundred and one messages",
        "POST /take",
        ("node" + ".child" * 100)[:199] + "…",
        '{"node":' + _deep('{"child":', "}", 100) + "}",
    ),
    _reads(
        "a hundred in arrays",
        '{"nodes":[' + _deep('{"children":[', "]}", 99) + "]}",
        "nodes {" + "children {" * 99 + "}" * 100,
    ),
    _reads(
        "thirty-three Structs in a Value",
        '{"value":' + _deep('{"":', "}", 33, "1") + "}",
        "value {" + 'struct_value { fields { key: "" value {' * 33 + "number_value: 1" + "}}}" * 33 + "}",
    ),
    bad("one Struct more", "POST /take", "value" + "[]" * 33, '{"value":' + _deep('{"":', "}", 34, "1") + "}"),
    _reads(
        "fifty lists, one in the other",
        '{"list":' + _deep("[", "]", 50, "1") + "}",
        "list {" + "values { list_value {" * 49 + "values { number_value: 1 }" + "}}" * 49 + "}",
    ),
    bad("one list more", "POST /take", "list" + "[0]" * 50, '{"list":' + _deep("[", "]", 51, "1") + "}"),
    bad("ten thousand objects", "POST /take", "", '{"value":' + _deep('{"a":', "}", 10_000) + "}"),
]

CONTENT = [
    good(
        "JSON with a charset",
        "POST /take",
        "Take",
        "a_bool: true",
        {"aBool": True},
        headers={"Content-Type": 'application/json; charset="UTF-8"'},
    ),
    good("a type in capitals", "POST /take", "Take", "", "{}", headers={"Content-Type": "APPLICATION/JSON"}),
    good("a type with +json", "POST /take", "Take", "", "{}", headers={"Content-Type": "application/merge-patch+json"}),
    good("another type with +json", "POST /take", "Take", "", "{}", headers={"Content-Type": "model/vnd.acme+json"}),
    *(
        refused(f"the type {kind}", "POST /take", 415, "CONTENT_TYPE_UNSUPPORTED", "{}", headers={"Content-Type": kind})
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "text/json",
            "*/*",
            "application/json; charset=latin-1",
            "multipart/form-data; boundary=x",
            "application/grpc",
        )
    ),
    refused(
        "the type of no body", "POST /take", 415, "CONTENT_TYPE_UNSUPPORTED", headers={"Content-Type": "text/plain"}
    ),
    *(
        refused(
            f"encoded with {how}",
            "POST /take",
            415,
            "CONTENT_TYPE_UNSUPPORTED",
            "{}",
            headers={"Content-Encoding": how},
        )
        for how in ("gzip", "br", "deflate", "identity, gzip", "zstd")
    ),
    good("not encoded", "POST /take", "Take", "", "{}", headers={"Content-Encoding": "Identity"}),
    good(
        "a method without body rule looks at none",
        "DELETE /items/5",
        "DeleteItem",
        'item_id: "5"',
        "{]",
        headers={"Content-Type": "text/xml", "Content-Encoding": "gzip"},
        said={},
    ),
    good("nor does a GET", "GET /items/5", "GetItem", 'item_id: "5"', '{"itemId": "6"}'),
    bad("a query beside the whole", "POST /take?aBool=1", "aBool", "{}"),
    bad("an unknown query beside the whole", "POST /take?nope", "nope", "{}"),
    good("an empty query beside the whole", "POST /take?", "Take", "", "{}"),
    refused("a body that is too large", "POST /take", 413, "REQUEST_TOO_LARGE", '{"aString": "' + "x" * 65_536 + '"}'),
    good(
        "a body just not too large",
        "POST /take",
        "Take",
        'a_string: "' + "x" * 65_000 + '"',
        '{"aString": "' + "x" * 65_000 + '"}',
    ),
    refused("a URL that is too long", "GET /q?aString=" + "x" * 8_192, 414, "REQUEST_TOO_LARGE"),
    good("an Empty request", "POST /nothing", "Nothing", "", "{}", said={}),
    bad("an Empty request that is not", "POST /nothing", "a", {"a": 1}),
    good(
        "a Struct as the request",
        "POST /free",
        "Free",
        'fields { key: "a" value { number_value: 1 } }',
        {"a": 1},
        said={"a": 1.0},
    ),
]

OLD = [
    good(
        "proto2: what is required",
        "POST /orders",
        "Order",
        'customer_name: "a"',
        {"customerName": "a"},
        said={"customerName": "a", "lines": []},
    ),
    good(
        "proto2: a default that is given",
        "POST /orders",
        "Order",
        'customer_name: "a" amount: 5',
        {"customerName": "a", "amount": 5},
        said={"customerName": "a", "amount": 5, "lines": []},
    ),
    good(
        "proto2: an enum", "POST /orders", "Order", 'customer_name: "a" size: LARGE', {"customerName": "a", "size": 2}
    ),
    bad("proto2: an unknown number of a closed enum", "POST /orders", "size", {"customerName": "a", "size": 9}),
    bad("proto2: what is required is not there", "POST /orders", "customerName", {"amount": 1}),
    bad(
        "proto2: what is required inside is not there",
        "POST /orders",
        "lines[0].productId",
        {"customerName": "a", "lines": [{}]},
    ),
]

ROWS = [*OLD, *TEXT, *NAMES, *NULLS, *NUMBERS, *OTHERS, *SPECIAL, *DEPTHS, *CONTENT]

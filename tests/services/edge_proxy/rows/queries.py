"""Query strings: names, values, what may be given once, and what cannot be given at all."""

from __future__ import annotations

from tests.services.edge_proxy.rows.row import Row, bad, good


def _reads(name: str, query: str, message: str = "") -> Row:
    return good(f"query: {name}", f"GET /q?{query}", "Query", message)


def _refuses(name: str, query: str, field: str = "") -> Row:
    return bad(f"query: {name}", f"GET /q?{query}", field)


NAMES = [
    _reads("camelCase", "anInt64=5", "an_int64: 5"),
    _reads("snake_case", "an_int64=5", "an_int64: 5"),
    _reads("json_name", "x-name=a", 'renamed: "a"'),
    _reads("the name of a field with a json_name", "renamed=a", 'renamed: "a"'),
    _reads("a dotted name", "node.child.weightGrams=5", "node { child { weight_grams: 5 } }"),
    _reads("a dotted name in snake_case", "node.child.weight_grams=5", "node { child { weight_grams: 5 } }"),
    _reads("an escaped name", "%61n_int64=5", "an_int64: 5"),
    _reads("a word of Python", "class=x", 'class: "x"'),
    _refuses("an unknown name", "nope=1", "nope"),
    _refuses("an unknown name inside", "node.nope=1", "node.nope"),
    _refuses("the name of a oneof", "choice=x", "choice"),
    _refuses("a name below a scalar", "anInt64.x=1", "anInt64.x"),
    _refuses("a name below a repeated field", "nodes.name=x", "nodes.name"),
    _refuses("a name in another case", "AnInt64=1", "AnInt64"),
    _refuses("no name", "=1"),
    _refuses("a broken escape in a name", "a%zz=1"),
    _refuses("a name that is no UTF-8", "a%FF=1"),
    _refuses("an index is no name", "strings[0]=a", "strings[0]"),
    _refuses("a system parameter", "$alt=json", "$alt"),
]

VALUES = [
    _reads("a plus is a space", "aString=a+b", 'a_string: "a b"'),
    _reads("an escaped plus is a plus", "aString=a%2Bb", 'a_string: "a+b"'),
    _reads("a semicolon is a character", "aString=a;aBool=1", 'a_string: "a;aBool=1"'),
    _reads("a name alone has an empty value", "maybeString", 'maybe_string: ""'),
    _reads("an empty value", "maybeString=", 'maybe_string: ""'),
    _reads("further equal signs", "aString=a=b==", 'a_string: "a=b=="'),
    _reads("an escaped ampersand", "aString=a%26b%3Dc", 'a_string: "a&b=c"'),
    _reads("a slash and a question mark", "aString=/a?b", 'a_string: "/a?b"'),
    _reads("nothing at all", "", ""),
    _reads("nothing between ampersands", "&&aBool=1&", "a_bool: true"),
    _refuses("a broken escape", "aString=%zz", "aString"),
    _refuses("no UTF-8", "aString=%FF", "aString"),
    _refuses("a name alone is no number", "anInt32", "anInt32"),
    _refuses("a name alone is no bool", "aBool", "aBool"),
    _refuses("an empty number", "anInt64=", "anInt64"),
    _refuses("a number with a plus", "anInt64=%2B5", "anInt64"),
    _refuses("a number with a space", "anInt64=+5", "anInt64"),
    _refuses("a fraction", "anInt64=1.0", "anInt64"),
    _refuses("an exponent", "anInt64=1e3", "anInt64"),
    _refuses("a number of 5,000 digits", "anInt64=" + "9" * 5000, "anInt64"),
    _reads("zeros in front", "anInt64=000000000000000000000000000012", "an_int64: 12"),
    _reads("the largest of 64 bits", "aUint64=18446744073709551615", "a_uint64: 18446744073709551615"),
    _reads("bools", "aBool=T&maybeBool=f", "a_bool: true maybe_bool: false"),
    _reads("NaN", "aDouble=NaN", "a_double: nan"),
    _refuses("infinity of another kind", "aDouble=+Infinity", "aDouble"),
    _reads("an enum by name", "aColor=COLOR_BLUE", "a_color: COLOR_BLUE"),
    _reads("an enum by number", "maybeColor=0", "maybe_color: COLOR_UNSPECIFIED"),
    _refuses("an enum by unknown number", "aColor=5", "aColor"),
    _refuses("an enum by empty name", "aColor=", "aColor"),
    _reads("bytes for URLs, without padding", "aBytes=-_8", r'a_bytes: "\373\377"'),
    _reads("bytes of the other alphabet", "aBytes=%2B%2F8%3D", r'a_bytes: "\373\377"'),
    _refuses("bytes with a plus, which is a space", "aBytes=+/8=", "aBytes"),
]

SPECIAL = [
    _reads("a Timestamp", "time=2026-01-02T03:04:05.5Z", "time { seconds: 1767323045 nanos: 500000000 }"),
    _reads("a Timestamp elsewhere", "time=1970-01-01T01:00:00%2B01:00", "time {}"),
    _refuses("a Timestamp whose plus is a space", "time=1970-01-01T01:00:00+01:00", "time"),
    _reads("a Timestamp in parts", "time.seconds=5&time.nanos=7", "time { seconds: 5 nanos: 7 }"),
    _refuses("a date is no Timestamp", "time=2026-01-02", "time"),
    _refuses("a day that is not", "time=2026-02-30T00:00:00Z", "time"),
    _refuses("a Timestamp before its years", "time=0000-01-01T00:00:00Z", "time"),
    _refuses("a Timestamp behind its years", "time=9999-12-31T23:59:59-01:00", "time"),
    _refuses("ten digits of a second", "time=2026-01-02T03:04:05.1234567890Z", "time"),
    _reads("a Duration", "duration=1.5s", "duration { seconds: 1 nanos: 500000000 }"),
    _reads("a Duration back", "duration=-0.000000001s", "duration { nanos: -1 }"),
    _refuses("a Duration of Go", "duration=1m30s", "duration"),
    _refuses("a Duration without unit", "duration=90", "duration"),
    _refuses("a Duration in parts", "duration.seconds=90", "duration.seconds"),
    _refuses("a Duration that is too long", "duration=315576000001s", "duration"),
    _reads("a FieldMask", "mask=aB,c_d.eF", 'mask { paths: "a_b" paths: "c_d.e_f" }'),
    _reads("a FieldMask for everything", "mask=*", 'mask { paths: "*" }'),
    _reads("an empty FieldMask", "mask=", "mask {}"),
    _refuses("a FieldMask with an empty path", "mask=a,,b", "mask"),
    _reads("a wrapper", "int64Value=-5", "int64_value { value: -5 }"),
    _reads("a wrapper of zero is there", "int32Value=0", "int32_value {}"),
    _reads("a wrapper by its value", "stringValue.value=x", 'string_value { value: "x" }'),
    _reads("a wrapper of bytes", "bytesValue=YWI", 'bytes_value { value: "ab" }'),
    _refuses("a wrapper of another kind", "boolValue=5", "boolValue"),
    _refuses("a message", "node=x", "node"),
    _refuses("a repeated message", "nodes=x", "nodes"),
    _refuses("a repeated Timestamp", "times=2026-01-02T03:04:05Z", "times"),
    _refuses("a repeated wrapper", "stringValues=x", "stringValues"),
    _refuses("a map", "counts=1", "counts"),
    _refuses("a map by key", "counts.a=1", "counts.a"),
    _refuses("a map by key in brackets", "counts[a]=1", "counts[a]"),
    _refuses("a Struct", "struct=%7B%7D", "struct"),
    _refuses("a Struct in parts", "struct.fields=x", "struct.fields"),
    _refuses("a Value", "value=5", "value"),
    _refuses("a Value in parts", "value.stringValue=5", "value.stringValue"),
    _refuses("a ListValue", "list=5", "list"),
    _refuses("an Any", "any=x", "any"),
    _refuses("an Any in parts", "any.typeUrl=x", "any.typeUrl"),
    _refuses("an Empty", "empty=", "empty"),
]

TIMES = [
    _reads("a repeated scalar", "int64s=1&int64s=2&int64s=1", "int64s: 1 int64s: 2 int64s: 1"),
    _reads("a comma separates nothing", "strings=a,b&strings=c", 'strings: "a,b" strings: "c"'),
    _refuses("a comma between numbers", "int64s=1,2", "int64s"),
    _reads("repeated bytes", "blobs=YQ&blobs=", r'blobs: "a" blobs: ""'),
    _reads("repeated enums", "colors=COLOR_RED&colors=-7", "colors: COLOR_RED colors: COLOR_BLUE"),
    _reads("repeated bools", "bools=t&bools=0", "bools: true bools: false"),
    _refuses("a singular field twice", "anInt64=1&anInt64=1", "anInt64"),
    _refuses("a singular field under two names", "anInt64=1&an_int64=1", "anInt64"),
    _refuses("a nested field twice", "node.name=a&node.name=a", "node.name"),
    _refuses("a Timestamp twice", "time=1970-01-01T00:00:00Z&time=1970-01-01T00:00:00Z", "time"),
    _refuses("a Timestamp whole and in parts", "time=1970-01-01T00:00:00Z&time.nanos=1", "time.nanos"),
    _refuses("a wrapper whole and by its value", "int64Value.value=1&int64Value=1", "int64Value"),
    _refuses("two of a oneof", "label=a&number=5", "number"),
    _refuses("two of a oneof, one nested", "other.name=a&label=b", "label"),
    _reads("one of a oneof in parts", "other.name=a&other.weightGrams=5", 'other { name: "a" weight_grams: 5 }'),
    _refuses("one of a oneof twice", "label=a&label=a", "label"),
    _reads("what only the server sets", "madeCount=5&aBool=1", "a_bool: true"),
    _refuses("what only the server sets, malformed", "madeCount=x", "madeCount"),
    _reads("a hundred levels", "node." + "child." * 99 + "name=x", "node {" + "child {" * 99 + 'name: "x"' + "}" * 100),
    bad(
        "query: a hundred and one levels", "GET /q?node." + "child." * 100 + "name=x", "node." + "child." * 9 + "chil…"
    ),
]

ROWS = [*NAMES, *VALUES, *SPECIAL, *TIMES]

"""Bodies that are one field, updates with a mask, raw bodies, and what is answered."""

from __future__ import annotations

from tests.services.edge_proxy.rows.row import Row, bad, good, refused


def _field(name: str, where: str, body: object, message: str) -> Row:
    return good(f"a field: {name}", f"POST /field/{where}", "Fields", message, body)


def _no_field(name: str, where: str, body: object, field: str = "") -> Row:
    return bad(f"no field: {name}", f"POST /field/{where}", field, body)


FIELDS = [
    good(
        "a message, with path and query beside it",
        "POST /shelves/s%201/items?validateOnly=true&request_id=r",
        "CreateItem",
        'shelf: "s 1" item { display_name: "x" } request_id: "r" validate_only: true',
        {"displayName": "x"},
    ),
    good("no body is an empty message", "POST /shelves/s/items", "CreateItem", 'shelf: "s" item {}'),
    good("null is no message", "POST /shelves/s/items", "CreateItem", 'shelf: "s"', "null"),
    bad("space is no body", "POST /shelves/s/items", "", " "),
    bad("a field of the body in the query", "POST /shelves/s/items?item.displayName=x", "item.displayName", "{}"),
    bad("the body itself in the query", "POST /shelves/s/items?item=x", "item", "{}"),
    bad("the request in the body", "POST /shelves/s/items", "item.item", {"item": {}}),
    bad("an unknown query", "POST /shelves/s/items?nope=1", "nope", "{}"),
    bad(
        "a field in the body is named from the top",
        "POST /shelves/s/items",
        "item.place.floor",
        {"place": {"floor": "x"}},
    ),
    good(
        "a key for what is created",
        "POST /shelves/s/items",
        "CreateItem",
        'shelf: "s" item {} request_id: "k-1"',
        "{}",
        headers={"Idempotency-Key": "k-1"},
    ),
    bad("two keys", "POST /shelves/s/items?requestId=other", "requestId", "{}", headers={"Idempotency-Key": "k-1"}),
    _field("repeated", "strings", ["a", "b"], 'strings: "a" strings: "b"'),
    _field("repeated, no body", "strings", b"", ""),
    _field("repeated messages", "nodes", [{"name": "a"}, {}], 'nodes { name: "a" } nodes {}'),
    _field("a map", "counts", {"a": "1"}, 'counts { key: "a" value: 1 }'),
    _field("a map, no body", "counts", b"", ""),
    _field("text", "string", '"x"', 'a_string: "x"'),
    _field("a number in quotes", "int64", '"5"', "an_int64: 5"),
    _field("a number", "int64", "5", "an_int64: 5"),
    _field("a number, no body", "int64", b"", ""),
    _field("a bool", "bool", "true", "a_bool: true"),
    _field("an enum", "color", '"COLOR_RED"', "a_color: COLOR_RED"),
    _field("a Timestamp", "time", '"1970-01-01T00:00:01Z"', "time { seconds: 1 }"),
    _field("a Value", "value", "[1]", "value { list_value { values { number_value: 1 } } }"),
    _field("a Value that is null", "value", "null", "value { null_value: NULL_VALUE }"),
    _field("a Struct", "struct", {"a": True}, 'struct { fields { key: "a" value { bool_value: true } } }'),
    _field("a wrapper", "int64-value", '"0"', "int64_value {}"),
    _field("one of a oneof", "other", {"name": "x"}, 'other { name: "x" }'),
    _no_field("an object for an array", "strings", {}, "strings"),
    _no_field("null in an array", "strings", ["a", None], "strings[1]"),
    _no_field("an array for a message", "node", [], "node"),
    _no_field("text without quotes", "string", "x"),
    _no_field("text for a number", "int64", '"x"', "anInt64"),
    _no_field("a key that is twice", "counts", '{"a": 1, "a": 1}', "a"),
    bad("no field: two of a oneof in body and query", "POST /field/other?label=x", "label", "{}"),
    good("body and query beside each other", "POST /field/strings?int64s=1", "Fields", 'strings: "a" int64s: 1', ["a"]),
]


def _patch(name: str, line: str, message: str, body: object = b"") -> Row:
    return good(f"an update: {name}", line, "UpdateItem", message, body)


UPDATES = [
    _patch(
        "what is sent is changed",
        "PATCH /items/5",
        'item { item_id: "5" display_name: "x" } update_mask { paths: "display_name" }',
        {"displayName": "x"},
    ),
    _patch(
        "leaves in snake_case",
        "PATCH /items/5",
        'item { item_id: "5" place { floor: 2 } tags: "a" } update_mask { paths: "place.floor" paths: "tags" }',
        {"place": {"floor": 2}, "tags": ["a"]},
    ),
    _patch(
        "null is changed to nothing",
        "PATCH /items/5",
        'item { item_id: "5" } update_mask { paths: "pages_count" paths: "place" }',
        {"pages_count": None, "place": None},
    ),
    _patch(
        "an empty message is a leaf",
        "PATCH /items/5",
        'item { item_id: "5" place {} } update_mask { paths: "place" }',
        {"place": {}},
    ),
    _patch(
        "what has no fields is a leaf",
        "PATCH /items/5",
        'item { item_id: "5" publish_time { seconds: 1 } labels { key: "a" value: "b" } extra { fields { key: "c" value'
        ' { number_value: 1 } } } } update_mask { paths: "publish_time" paths: "labels" paths: "extra" }',
        {"publishTime": "1970-01-01T00:00:01Z", "labels": {"a": "b"}, "extra": {"c": 1}},
    ),
    _patch(
        "what only the server sets is left out",
        "PATCH /items/5",
        'item { item_id: "5" made { by: "x" } } update_mask { paths: "made.by" }',
        {"etag": "e", "made": {"by": "x", "createTime": "1970-01-01T00:00:01Z"}},
    ),
    _patch(
        "a mask that is given stays",
        "PATCH /items/5?updateMask=tags,place.floor",
        'item { item_id: "5" display_name: "x" } update_mask { paths: "tags" paths: "place.floor" }',
        {"displayName": "x"},
    ),
    _patch(
        "a mask for everything",
        "PATCH /items/5?update_mask=*",
        'item { item_id: "5" display_name: "x" } update_mask { paths: "*" }',
        {"displayName": "x"},
    ),
    _patch(
        "an empty mask is none",
        "PATCH /items/5?updateMask=",
        'item { item_id: "5" display_name: "x" } update_mask { paths: "display_name" }',
        {"displayName": "x"},
    ),
    _patch("nothing is changed", "PATCH /items/5", 'item { item_id: "5" } update_mask {}', b""),
    _patch(
        "a PUT replaces",
        "PUT /items/5?allowMissing=1",
        'item { item_id: "5" display_name: "x" } update_mask { paths: "*" } allow_missing: true',
        {"displayName": "x"},
    ),
    _patch("a PUT of nothing replaces", "PUT /items/5", 'item { item_id: "5" } update_mask { paths: "*" }', b""),
    _patch(
        "a PUT with a mask", "PUT /items/5?updateMask=tags", 'item { item_id: "5" } update_mask { paths: "tags" }', "{}"
    ),
    _patch("a POST has no mask", "POST /items/5", 'item { item_id: "5" display_name: "x" }', {"displayName": "x"}),
    _patch(
        "the whole request has no mask of its own",
        "PATCH /whole",
        'item { display_name: "x" }',
        {"item": {"displayName": "x"}},
    ),
    _patch(
        "a mask in the whole request",
        "PATCH /whole",
        'item { display_name: "x" } update_mask { paths: "display_name" }',
        {"item": {"displayName": "x"}, "updateMask": "displayName"},
    ),
    bad("no update: an unknown field", "PATCH /items/5", "item.nope", {"nope": 1}),
    bad("no update: what only the server sets, malformed", "PATCH /items/5", "item.etag", {"etag": 5}),
    bad("no update: another than the path says", "PATCH /items/5", "item.itemId", {"itemId": "6"}),
]

RAW = [
    good(
        "raw in and out",
        "POST /raw",
        "Upload",
        r'content_type: "image/png" data: "\377\330"',
        b"\xff\xd8",
        headers={"Content-Type": "image/png"},
        raw=b"\xff\xd8",
        answered={"content-type": "image/png"},
    ),
    good(
        "raw that looks like JSON",
        "POST /raw",
        "Upload",
        r'content_type: "application/json" data: "{]"',
        b"{]",
        headers={"Content-Type": "application/json"},
        raw=b"{]",
    ),
    good(
        "raw without type",
        "POST /raw",
        "Upload",
        'data: "x"',
        b"x",
        raw=b"x",
        answered={"content-type": "application/octet-stream"},
    ),
    good(
        "nothing raw",
        "POST /raw",
        "Upload",
        'content_type: "text/plain"',
        b"",
        headers={"Content-Type": "text/plain"},
        raw=b"",
    ),
    good(
        "a raw field beside path and query",
        "PUT /items/5/file?note=n",
        "Attach",
        'item_id: "5" file { content_type: "text/csv" data: "a,b" } note: "n"',
        b"a,b",
        headers={"Content-Type": "text/csv"},
        raw=b"a,b",
        answered={"content-type": "text/csv"},
    ),
    good(
        "a message with a raw field",
        "POST /items/5/file",
        "Attach",
        'item_id: "5" file { content_type: "text/csv" data: "a" }',
        b"a",
        headers={"Content-Type": "text/csv"},
        said={"itemId": "5", "file": {"contentType": "text/csv", "data": "YQ==", "extensions": []}, "note": ""},
    ),
    bad("a part of a raw field in the query", "PUT /items/5/file?file.data=YQ", "file.data", b"a"),
    bad("a query beside a raw request", "POST /raw?contentType=x", "contentType", b"a"),
    refused(
        "a raw body that is compressed",
        "POST /raw",
        415,
        "CONTENT_TYPE_UNSUPPORTED",
        b"\x1f\x8b",
        headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"},
    ),
    refused("a raw body that is too large", "POST /raw", 413, "REQUEST_TOO_LARGE", b"x" * 65_537),
]

DEFAULTS = {
    "anInt32": 0,
    "anInt64": "0",
    "aUint32": 0,
    "aUint64": "0",
    "aSint32": 0,
    "aSint64": "0",
    "aFixed32": 0,
    "aFixed64": "0",
    "anSfixed32": 0,
    "anSfixed64": "0",
    "aFloat": 0.0,
    "aDouble": 0.0,
    "aBool": False,
    "aString": "",
    "aBytes": "",
    "aColor": "COLOR_UNSPECIFIED",
    "int64s": [],
    "strings": [],
    "bools": [],
    "doubles": [],
    "blobs": [],
    "colors": [],
    "nodes": [],
    "values": [],
    "times": [],
    "stringValues": [],
    "counts": {},
    "names": {},
    "flags": {},
    "nodesByName": {},
    "colorsById": {},
    "valuesByName": {},
    "x-name": "",
    "class": "",
    "nothing": None,
    "madeCount": "0",
}
NODE = {"name": "", "children": [], "byName": {}, "weightGrams": "0"}


def _answers(name: str, body: dict[str, object], said: dict[str, object] | None = None) -> Row:
    return good(
        f"an answer: {name}", "POST /take", "Take", _ANY, body, said=DEFAULTS | (body if said is None else said)
    )


# What came to the service is looked at elsewhere.
_ANY = "?"

ANSWERS = [
    good(
        "an answer: what has no presence is always there",
        "GET /q",
        "Query",
        "",
        said=DEFAULTS,
        answered={"content-type": "application/json"},
    ),
    _answers(
        "what has presence is there when it is set",
        {"maybeInt32": 0, "maybeString": "", "maybeBool": False, "maybeColor": "COLOR_UNSPECIFIED", "empty": {}},
    ),
    _answers(
        "64 bits are text",
        {"anInt64": 5, "counts": {"a": 1}, "int64Value": 3},
        {"anInt64": "5", "counts": {"a": "1"}, "int64Value": "3"},
    ),
    _answers("numbers that are none", {"aDouble": "NaN", "aFloat": "-Infinity", "doubles": ["Infinity", 0.5]}),
    _answers("floats are short", {"aFloat": 0.1}),
    _answers("enums by name, unknown ones by number", {"colors": ["COLOR_BLUE", 99], "aColor": 98}),
    _answers("bytes are padded", {"aBytes": "-_8", "bytesValue": ""}, {"aBytes": "+/8=", "bytesValue": ""}),
    _answers(
        "times",
        {"time": "2026-01-02T04:04:05.120+01:00", "duration": "1.50s"},
        {"time": "2026-01-02T03:04:05.120Z", "duration": "1.500s"},
    ),
    _answers("a mask", {"mask": "a_b,cD.*"}, {"mask": "aB,cD.*"}),
    _answers("a mask that camelCase cannot say", {"mask": "a_1"}, {"mask": "a_1"}),
    _answers(
        "free forms", {"struct": {"a": [None, True, {"b": "c"}]}, "value": None, "list": [1.0], "values": [None, "x"]}
    ),
    _answers("maps", {"flags": {"true": "a"}, "names": {"-5": "b"}, "colorsById": {"1": "COLOR_RED"}}),
    _answers(
        "an Any",
        {"any": {"@type": "type.googleapis.com/acme.shapes.Place", "floor": 2}},
        {"any": {"@type": "type.googleapis.com/acme.shapes.Place", "path": "", "floor": 2}},
    ),
    _answers("a message", {"node": {"name": "x", "child": {}}}, {"node": NODE | {"name": "x", "child": NODE}}),
    _answers("one of a oneof", {"number": "0"}),
    _answers("wrappers", {"boolValue": False, "int32Value": 0, "doubleValue": "NaN", "stringValue": "é"}),
    good(
        "a part: a message",
        "POST /part/node",
        "Parts",
        'node { name: "x" }',
        {"node": {"name": "x"}},
        said=NODE | {"name": "x"},
    ),
    good("a part: an array", "POST /part/strings", "Parts", 'strings: "a"', {"strings": ["a"]}, said=["a"]),
    good("a part: an array of none", "POST /part/strings", "Parts", "", {}, said=[]),
    good(
        "a part: a map",
        "POST /part/counts",
        "Parts",
        'counts { key: "a" value: 1 }',
        {"counts": {"a": 1}},
        said={"a": "1"},
    ),
    good("a part: a number", "POST /part/int64", "Parts", "an_int64: 5", {"anInt64": 5}, said="5"),
    good(
        "a part: a Timestamp",
        "POST /part/time",
        "Parts",
        "time {}",
        {"time": "1970-01-01T00:00:00Z"},
        said="1970-01-01T00:00:00Z",
    ),
    good("a part: a Value", "POST /part/value", "Parts", "value { bool_value: true }", {"value": True}, said=True),
]

ROWS = [*FIELDS, *UPDATES, *RAW, *ANSWERS]

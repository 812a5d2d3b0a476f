"""Paths: what they reach, and what their variables hold."""

from __future__ import annotations

from tests.services.edge_proxy.rows.row import Row, bad, good, refused

LOST = (404, "ROUTE_NOT_FOUND")

MATCHING = [
    good("a literal goes before a variable", "GET /items/mine", "Literal"),
    good("a variable takes what is no literal", "GET /items/mine2", "GetItem", 'item_id: "mine2"'),
    good("back from a literal that leads nowhere", "GET /items/mine/parts", "ListParts", 'item_id: "mine"'),
    good("a literal goes before a pattern", "GET /walk/shelves/top/books/9", "Literal"),
    good("a slash at the end is ignored", "GET /items/a/", "GetItem", 'item_id: "a"'),
    good("a slash at the end of a literal is ignored", "GET /items/mine/", "Literal"),
    good("a slash at the end of ** is ignored", "GET /files/a/b/", "Walk", 'a_string: "a/b"'),
    good("a slash at the end before a query", "GET /items/a/?verbose=1", "GetItem", 'item_id: "a" verbose: true'),
    refused("two slashes at the end are not", "GET /items/a//", *LOST),
    refused("a variable is never empty", "GET /items/", 404, "ROUTE_NOT_FOUND"),
    refused("a variable in the middle is never empty", "GET /items//parts", *LOST),
    refused("a path that starts with two slashes", "GET //items/a", *LOST),
    refused("a path that nobody has", "GET /nowhere", *LOST),
    refused("one segment too many", "GET /items/a/parts/b", *LOST),
    refused("one segment too few", "GET /walk/shelves/top/books", *LOST),
    refused("literals know capitals", "GET /Items/a", *LOST),
    refused("the name of the method is no path", "POST /acme.probe.v3.Probe/Unbound", *LOST),
    refused("a method without binding is not served", "POST /acme.probe.v3.Store/Secret", *LOST),
    good("the second service", "GET /store/5", "GetBook", 'item_id: "5"'),
    good("a literal is compared as it was sent", "GET /path/string/a%20b", "Literal"),
    good("another escape of the same is a value", "GET /path/string/a%20%62", "InPath", 'a_string: "a b"'),
    refused("a literal with an escape is another", "GET /%69tems/a", *LOST),
]

DECODING = [
    good("an escaped slash is part of a segment", "GET /items/a%2Fb", "GetItem", 'item_id: "a/b"'),
    good("an escaped slash in lower case", "GET /items/a%2fb", "GetItem", 'item_id: "a/b"'),
    good("an escaped slash does not end a segment", "GET /items/a%2Fparts", "GetItem", 'item_id: "a/parts"'),
    good("a plus in a path is a plus", "GET /items/a+b", "GetItem", 'item_id: "a+b"'),
    good("a semicolon in a path is a character", "GET /items/a;b=c", "GetItem", 'item_id: "a;b=c"'),
    good("a space", "GET /items/a%20b", "GetItem", 'item_id: "a b"'),
    good("an escaped question mark", "GET /items/a%3Fb", "GetItem", 'item_id: "a?b"'),
    good("an escaped per cent", "GET /items/100%25", "GetItem", 'item_id: "100%"'),
    good("escapes are undone once", "GET /items/a%252Fb", "GetItem", 'item_id: "a%2Fb"'),
    good("UTF-8", "GET /items/%E2%82%AC%F0%9F%90%A6", "GetItem", 'item_id: "€🐦"'),
    good("a NUL is a character", "GET /items/a%00b", "GetItem", r'item_id: "a\0b"'),
    good("dots are a segment like others", "GET /items/..", "GetItem", 'item_id: ".."'),
    bad("a broken escape", "GET /items/%zz", "itemId"),
    bad("half an escape", "GET /items/a%2", "itemId"),
    bad("a lone per cent", "GET /items/%", "itemId"),
    bad("bytes that are no UTF-8", "GET /items/%FF", "itemId"),
    bad("half a character", "GET /items/%E2%82", "itemId"),
    bad("an escaped surrogate", "GET /items/%ED%A0%80", "itemId"),
    bad("a slash in too many bytes", "GET /items/%C0%AF", "itemId"),
    bad("raw bytes that are no URL", "GET /items/\xff"),
    bad("a broken escape in a wildcard that is not bound", "GET /any/%zz/of/x"),
    bad("no UTF-8 behind ** that is not bound", "GET /any/x/of/%FF"),
    bad("a broken escape at a path that nobody has", "GET /nowhere/%zz"),
    bad("a broken escape in several segments", "GET /files/a/%zz", "aString"),
    bad("no UTF-8 in several segments", "GET /files/a/%FF/b", "aString"),
]

SEVERAL = [
    good(
        "a nested field with literals and **",
        "GET /walk/rooms/7/boxes/a/b",
        "Walk",
        'node { place { path: "rooms/7/boxes/a/b" } }',
    ),
    good("** may be nothing", "GET /walk/rooms/7/boxes", "Walk", 'node { place { path: "rooms/7/boxes" } }'),
    refused("* may not", "GET /walk/rooms//boxes/a", *LOST),
    good("a pattern and a variable", "GET /walk/shelves/3/books/4", "Walk", 'a_string: "shelves/3" an_int64: 4'),
    bad("the variable behind a pattern", "GET /walk/shelves/3/books/x", "anInt64"),
    good("reserved characters stay escaped", "GET /files/a%2Fb/c%3Ad%40", "Walk", 'a_string: "a%2Fb/c%3Ad%40"'),
    good("they stay as they were sent", "GET /files/a%2fb", "Walk", 'a_string: "a%2fb"'),
    good("other characters are decoded", "GET /files/a%20b/%E2%82%AC", "Walk", 'a_string: "a b/€"'),
    good("reserved characters that were not escaped", "GET /files/a+b;c", "Walk", 'a_string: "a+b;c"'),
    good("** of one segment", "GET /files/a", "Walk", 'a_string: "a"'),
    refused("** that is the whole variable is not empty", "GET /files", *LOST),
    refused("nor is it a slash", "GET /files/", *LOST),
    refused("no empty segment in **", "GET /files/a//b", *LOST),
    refused("no empty segment before **", "GET /files//b", *LOST),
    good("a literal behind **", "GET /files/a/b/raw", "Walk", 'a_string: "a/b"'),
    good("the literal alone is a value", "GET /files/raw", "Walk", 'a_string: "raw"'),
    good("a verb behind **", "GET /files/a/b:stat", "Walk", 'a_string: "a/b"'),
    good("wildcards that are not bound", "GET /any/x/of/a/b", "Walk"),
    good("** that is not bound may be nothing", "GET /any/x/of", "Walk"),
    good("{a=*} is one segment, decoded", "GET /one/a%2Fb/two/%2F", "Walk", 'a_string: "a/b" renamed: "/"'),
    good(
        "two nested fields, one around the other",
        "GET /path/nested/inner/outer",
        "InPath",
        'node { name: "outer" child { name: "inner" } }',
    ),
]

VERBS = [
    good("a verb", "POST /items/5:cancel", "CancelItem", 'item_id: "5"'),
    good("a verb behind a literal", "GET /items:batch", "BatchGetItems"),
    good("a slash behind a verb", "POST /items/5:cancel/", "CancelItem", 'item_id: "5"'),
    good("only verbs that are known", "GET /items/5:zzz", "GetItem", 'item_id: "5:zzz"'),
    good("an escaped colon is none", "GET /items/5%3Acancel", "GetItem", 'item_id: "5:cancel"'),
    good("the last colon counts", "POST /items/a:b:cancel", "CancelItem", 'item_id: "a:b"'),
    good("a colon at the end", "GET /items/5:", "GetItem", 'item_id: "5:"'),
    good("a verb of another path is none here", "GET /store/5:cancel", "GetBook", 'item_id: "5:cancel"'),
    refused("a verb with nothing before it", "POST /items/:cancel", *LOST),
    refused(
        "a verb that is known has its own methods",
        "GET /items/5:cancel",
        405,
        "METHOD_NOT_ALLOWED",
        answered={"allow": "OPTIONS, POST"},
    ),
]

ITEM = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
METHODS = [
    refused("another method", "PUT /take", 405, "METHOD_NOT_ALLOWED", answered={"allow": "OPTIONS, POST"}),
    refused("all methods of a path", "PROPFIND /items/5", 405, "METHOD_NOT_ALLOWED", answered={"allow": ITEM}),
    refused("HEAD needs a GET", "HEAD /take", 405, "", answered={"allow": "OPTIONS, POST"}),
    refused(
        "a custom kind is told",
        "GET /dav/5",
        405,
        "METHOD_NOT_ALLOWED",
        answered={"allow": "OPTIONS, PROPFIND, REPORT"},
    ),
    good("HEAD calls what GET calls", "HEAD /items/5?verbose=true", "GetItem", 'item_id: "5" verbose: true', raw=b""),
    refused("HEAD of nothing", "HEAD /nowhere", 404, ""),
    good("OPTIONS says what there is", "OPTIONS /items/5", "", status=204, answered={"allow": ITEM}, raw=b""),
    good("OPTIONS of a POST", "OPTIONS /take", "", status=204, answered={"allow": "OPTIONS, POST"}, raw=b""),
    refused("OPTIONS of nothing", "OPTIONS /nowhere", *LOST),
    good("any verb: GET", "GET /anyverb/5", "AnyVerb", 'item_id: "5"'),
    good("any verb: PATCH", "PATCH /anyverb/5", "AnyVerb", 'item_id: "5"'),
    good("any verb: LOCK", "LOCK /anyverb/5?verbose=t", "AnyVerb", 'item_id: "5" verbose: true'),
    good("a custom kind", "PROPFIND /dav/5", "Find", 'item_id: "5"'),
    good("a custom kind with a body", "REPORT /dav/5", "Find", 'item_id: "5" tags: "a"', {"tags": ["a"]}),
    refused(
        "the method is not overridden",
        "POST /dav/5",
        405,
        "METHOD_NOT_ALLOWED",
        headers={"X-HTTP-Method-Override": "PROPFIND"},
    ),
]


def _in_path(kind: str, text: str, message: str) -> Row:
    return good(f"{kind} in a path: {text}", f"GET /path/{kind}/{text}", "InPath", message)


def _not_in_path(kind: str, text: str, field: str) -> Row:
    return bad(f"no {kind} in a path: {text}", f"GET /path/{kind}/{text}", field)


SCALARS = [
    _in_path("int32", "-2147483648", "an_int32: -2147483648"),
    _in_path("int32", "007", "an_int32: 7"),
    _not_in_path("int32", "2147483648", "anInt32"),
    _not_in_path("int32", "-2147483649", "anInt32"),
    _not_in_path("int32", "+5", "anInt32"),
    _not_in_path("int32", "1.0", "anInt32"),
    _not_in_path("int32", "1e3", "anInt32"),
    _not_in_path("int32", "%205", "anInt32"),
    _not_in_path("int32", "0x10", "anInt32"),
    _not_in_path("int32", "1_000", "anInt32"),
    _not_in_path("int32", "-", "anInt32"),
    _not_in_path("int32", "%D9%A3", "anInt32"),
    _in_path("int64", "9223372036854775807", "an_int64: 9223372036854775807"),
    _in_path("int64", "-9223372036854775808", "an_int64: -9223372036854775808"),
    _not_in_path("int64", "9223372036854775808", "anInt64"),
    _in_path("uint32", "4294967295", "a_uint32: 4294967295"),
    _not_in_path("uint32", "4294967296", "aUint32"),
    _not_in_path("uint32", "-1", "aUint32"),
    _in_path("uint64", "18446744073709551615", "a_uint64: 18446744073709551615"),
    _not_in_path("uint64", "18446744073709551616", "aUint64"),
    _in_path("sint64", "-5", "a_sint64: -5"),
    _in_path("fixed32", "5", "a_fixed32: 5"),
    _not_in_path("fixed32", "-5", "aFixed32"),
    _in_path("sfixed64", "-1", "an_sfixed64: -1"),
    _in_path("float", "0.1", "a_float: 0.1"),
    _in_path("float", "Infinity", "a_float: inf"),
    _not_in_path("float", "1e39", "aFloat"),
    _in_path("double", "-1.5e-3", "a_double: -0.0015"),
    _in_path("double", "-Infinity", "a_double: -inf"),
    _in_path("double", "NaN", "a_double: nan"),
    _not_in_path("double", "inf", "aDouble"),
    _not_in_path("double", "nan", "aDouble"),
    _not_in_path("double", "1e400", "aDouble"),
    _not_in_path("double", "1,5", "aDouble"),
    *(_in_path("bool", text, "a_bool: true") for text in ("true", "True", "TRUE", "t", "T", "1")),
    *(_in_path("bool", text, "") for text in ("false", "False", "FALSE", "f", "F", "0")),
    *(_not_in_path("bool", text, "aBool") for text in ("yes", "on", "tRUE", "01", "2")),
    _in_path("bytes", "-_8", r'a_bytes: "\373\377"'),
    _in_path("bytes", "-_8=", r'a_bytes: "\373\377"'),
    _in_path("bytes", "+%2F8", r'a_bytes: "\373\377"'),
    _in_path("bytes", "YWI=", 'a_bytes: "ab"'),
    _not_in_path("bytes", "YW!", "aBytes"),
    _not_in_path("bytes", "Y", "aBytes"),
    _not_in_path("bytes", "YWI==", "aBytes"),
    _in_path("color", "COLOR_RED", "a_color: COLOR_RED"),
    _in_path("color", "COLOR_SCARLET", "a_color: COLOR_RED"),
    _in_path("color", "-7", "a_color: COLOR_BLUE"),
    _not_in_path("color", "RED", "aColor"),
    _not_in_path("color", "color_red", "aColor"),
    _not_in_path("color", "99", "aColor"),
    _in_path("maybe", "0", "maybe_int32: 0"),
    _in_path("renamed", "x", 'renamed: "x"'),
    _not_in_path("renamed", "%zz", "x-name"),
    _in_path("wrapped", "0", "int64_value {}"),
    _in_path("seconds", "-5", "time { seconds: -5 }"),
]

BESIDE = [
    good("path and query agree", "GET /items/5?itemId=5", "GetItem", 'item_id: "5"'),
    bad("path and query do not", "GET /items/5?item_id=6", "itemId"),
    good("equal in value, not in text", "GET /path/int64/5?anInt64=05", "InPath", "an_int64: 5"),
    bad("an empty value is another", "GET /items/5?item_id=", "itemId"),
    good(
        "path and body agree", "PUT /take/a/5", "Take", 'a_string: "a" an_int64: 5', {"anInt64": "5", "a_string": "a"}
    ),
    bad("path and body do not", "PUT /take/a/5", "anInt64", {"anInt64": 6}),
    bad("a zero in the body is another", "PUT /take/a/5", "anInt64", {"an_int64": "0"}),
    bad("an empty text in the body is another", "PUT /take/a/5", "aString", {"aString": ""}),
    good("null in the body is nothing", "PUT /take/a/5", "Take", 'a_string: "a" an_int64: 5', {"anInt64": None}),
    good(
        "a nested field of both",
        "POST /take/node/n",
        "Take",
        'node { name: "n" weight_grams: 3 }',
        {"node": {"weight_grams": 3}},
    ),
    bad("a nested field that differs", "POST /take/node/n", "node.name", {"node": {"name": "m"}}),
    good(
        "path and body field agree",
        "PUT /field/node/n",
        "Fields",
        'node { name: "n" weight_grams: 3 } mask { paths: "*" }',
        {"name": "n", "weightGrams": 3},
    ),
    bad("path and body field do not", "PUT /field/node/n", "node.name", {"name": "m"}),
    good("a oneof in path and body is one field", "POST /take/label/x", "Take", 'label: "x"', {"label": "x"}),
    bad("a oneof in path and body twice", "POST /take/label/x", "label", {"number": "5"}),
    bad("a oneof in path and body, a message", "POST /take/label/x", "label", {"other": {}}),
    bad("a oneof in path and query twice", "GET /path/label/x?number=5", "label"),
    bad("a oneof in path and query, nested", "GET /path/label/x?other.name=n", "label"),
    good("a oneof in path and query is one field", "GET /path/label/x?label=x", "InPath", 'label: "x"'),
]

ROWS = [*MATCHING, *DECODING, *SEVERAL, *VERBS, *METHODS, *SCALARS, *BESIDE]

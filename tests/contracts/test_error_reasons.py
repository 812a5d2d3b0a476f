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
        for call, failure in _failures(module.tree):
            named = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
            first = [] if isinstance(call.func, ast.Attribute) and call.func.attr != "__init__" else call.args[:1]
            for value in named or first:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield f"{module}:{call.lineno}", failure, value.value


@cache
def written() -> frozenset[object]:
    """Every literal of the source."""
    literals = [node for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.Constant)]
    return frozenset(literal.value for literal in literals if isinstance(literal.value, str))


def _failures(tree: ast.AST, within: str = "") -> Iterator[tuple[ast.Call, str]]:
    """Calls that make a failure, with its class: `NotFound(...)`, `InvalidArgument.field(...)`, and
    `super().__init__(...)` in a class made `within` one of them.
    """
    for node in ast.iter_child_nodes(tree):
        inside = within
        if isinstance(node, ast.ClassDef):
            inside = next((base.id for base in node.bases if isinstance(base, ast.Name) and base.id in FAILURES), "")
        if isinstance(node, ast.Call):
            made_by = node.func.value if isinstance(node.func, ast.Attribute) else node.func
            if isinstance(made_by, ast.Name) and made_by.id in FAILURES:
                yield node, made_by.id
            elif within and ast.unparse(node.func) == "super().__init__":
                yield node, within
        yield from _failures(node, inside)


def code_in_comment(reason: str) -> str:
    return comment_of_enum_value(ENUM, PREFIX + reason).split(".")[0].split(" ")[0]


def test_failures_are_found_in_the_source() -> None:
    found = {(failure, reason) for _, failure, reason in raised()}
    assert {("NotFound", "TWEET_NOT_FOUND"), ("PermissionDenied", "NOT_OWNER")} <= found


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
    is_used = reason in written()
    assert is_used


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_a_reason_is_written_as_its_rule_says(reason: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+[A-Z0-9]", reason)
    assert code_in_comment(reason) in {*FAILURES.values(), "INTERNAL", "UNIMPLEMENTED"}

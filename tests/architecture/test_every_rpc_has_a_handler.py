"""The folder listing is the API: an RPC has a handler file and a servicer method, and nothing else has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.contract import Method, methods
from tests.support.source import ROOT, services

# The runtime serves this one itself, for every service that has an outbox.
RUNTIME = "aviary.mesh.internal.v1"
OWNERS = {"auth": "user_svc"}
RPCS = [method for method in methods() if method.package != RUNTIME]
ADMIN_RPCS = [method for method in methods() if method.package == RUNTIME]


def owner(method: Method) -> str:
    """The service that answers the method."""
    name = method.package.split(".")[1]
    return OWNERS.get(name, f"{name}_svc")


def snake_case(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def async_functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.AsyncFunctionDef)}


@pytest.mark.parametrize("method", RPCS, ids=str)
def test_an_rpc_has_a_handler_file_with_a_function_of_its_name(method: Method) -> None:
    handler = ROOT / owner(method) / "handlers" / f"{snake_case(method.name)}.py"
    assert handler.is_file()
    assert snake_case(method.name) in async_functions(handler)


@pytest.mark.parametrize("method", RPCS, ids=str)
def test_an_rpc_has_a_servicer_method(method: Method) -> None:
    assert method.name in async_functions(ROOT / owner(method) / "servicer.py")


@pytest.mark.parametrize("method", ADMIN_RPCS, ids=str)
def test_an_rpc_of_the_runtime_has_a_servicer_method(method: Method) -> None:
    assert method.name in async_functions(ROOT / "mesh/admin.py")


@pytest.mark.parametrize("service", services())
def test_no_handler_is_without_an_rpc(service: str) -> None:
    answered = {snake_case(method.name) for method in RPCS if owner(method) == service}
    files = {path.stem for path in (ROOT / service / "handlers").glob("*.py")} - {"__init__"}
    assert files == answered


@pytest.mark.parametrize("service", services())
def test_an_rpc_has_a_test_file_of_its_name(service: str) -> None:
    answered = {f"test_{snake_case(method.name)}" for method in RPCS if owner(method) == service}
    tests = {path.stem for path in (ROOT / "tests/services" / service).glob("test_*.py")}
    assert answered - tests == set()

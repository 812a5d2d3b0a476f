"""Every failpoint that is declared stands in the code once, and some test comes to it."""

from __future__ import annotations

import ast
from collections import Counter

from mesh.failpoints import FAILPOINTS
from tests.faults.chaos.failpoint_plan import planned
from tests.support.source import ROOT, modules

# Where names are listed or parsed, and nothing is struck.
LISTS = ("test_failpoints.py", "failpoint_plan.py")


def in_the_code() -> Counter[str]:
    """How often each name is passed to fp. One that is computed could not be found, and is refused."""
    found: Counter[str] = Counter()
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fp":
                [name] = node.args
                assert isinstance(name, ast.Constant), f"{module}: a failpoint is named as it is"
                assert isinstance(name.value, str)
                found[name.value] += 1
    return found


def named_by_ordinary_tests(names: frozenset[str]) -> set[str]:
    texts = [path.read_text() for path in (ROOT / "tests").rglob("*.py") if path.name not in LISTS]
    return {name for name in names if any(f'"{name}' in text for text in texts)}


def test_every_failpoint_stands_in_the_code_once_and_none_is_undeclared() -> None:
    assert in_the_code() == Counter(FAILPOINTS)


def test_every_failpoint_is_come_to_by_bar_f03_or_by_a_test_that_names_it() -> None:
    assert planned() - FAILPOINTS == set()
    others = FAILPOINTS - planned()
    assert others - named_by_ordinary_tests(others) == set()

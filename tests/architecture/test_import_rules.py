"""The import rules of .importlinter have not gone stale: a pattern that matches nothing would pass in silence.

`lint-imports` checks the rules themselves, as part of `make check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser

import pytest

from tests.support.source import ROOT, imported, modules, packages

LISTS = ("source_modules", "forbidden_modules", "protected_modules", "allowed_importers", "containers", "layers")
CONTRACTS = {"stack", "one-way", "backends", "pure", "messages"}


def rules() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def patterns() -> Iterator[tuple[str, str]]:
    """(contract, pattern) of every module or pattern that a contract names."""
    parser = rules()
    for section in parser.sections():
        options = parser[section]
        for line in [line for name in LISTS for line in options.get(name, "").split("\n")]:
            names = [name.strip(" ()") for name in line.split("|") if name.strip()]
            for name in names:
                yield from _spelled_out(options, section, name)
        for line in options.get("ignore_imports", "").strip().splitlines():
            yield from ((section, side.strip()) for side in line.split("->"))


def _spelled_out(options: object, section: str, name: str) -> Iterator[tuple[str, str]]:
    containers = options.get("containers", "").split()  # type: ignore[attr-defined]  # a section of the parser
    if not containers or name in containers:
        yield section, name
    else:
        yield section, "|".join(f"{container}.{name}" for container in containers)


def matches(pattern: str) -> bool:
    """Whether a module of ours, or one that we import, has a name of this pattern."""
    known = {module.name for module in modules()} | imported()
    return any(
        re.fullmatch(re.escape(one).replace(r"\*", r"[^.]+"), name) for one in pattern.split("|") for name in known
    )


@pytest.mark.parametrize(("contract", "pattern"), sorted(set(patterns())))
def test_every_pattern_matches_a_module(contract: str, pattern: str) -> None:
    assert matches(pattern)


def test_the_five_contracts_are_there() -> None:
    assert {section.split(":")[-1] for section in rules().sections() if "contract" in section} == CONTRACTS


def test_every_package_is_under_the_rules() -> None:
    roots = set(rules()["importlinter"]["root_packages"].split())
    assert set(packages()) - roots <= {"bench"}, "bench measures from outside: nothing imports it"


def test_nothing_imports_the_bench_or_the_tests() -> None:
    assert not {name for name in imported() if name.split(".")[0] == "tests"}
    importers = [
        module
        for module in modules()
        if not module.name.startswith("bench") and "import bench" in module.path.read_text()
    ]
    assert importers == []

"""The project's own source as tests read it: its packages, its modules, and what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("user_svc", "tweet_svc", "graph_svc", "engagement_svc", "timeline_svc")
PACKAGES = ("mesh", "views", *SERVICES, "edge_proxy", "dev_mesh", "bench")


@dataclass(frozen=True)
class Module:
    """A source file. `name` is as it is imported."""

    name: str
    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())


def packages() -> list[str]:
    """The packages of the project that exist."""
    return [package for package in PACKAGES if (ROOT / package).is_dir()]


def services() -> list[str]:
    """The services that exist."""
    return [service for service in SERVICES if (ROOT / service).is_dir()]


@cache
def modules() -> tuple[Module, ...]:
    """Every module of every package."""
    return tuple(module for package in packages() for module in _modules_of(package))


def _modules_of(package: str) -> Iterator[Module]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path)


@cache
def imported() -> frozenset[str]:
    """Every module that some module of ours imports, by its full name, and the packages around it."""
    names = set()
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(".".join(name.split(".")[: i + 1]) for name in names for i in range(name.count(".") + 1))

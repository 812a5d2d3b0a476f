"""A page of commands and their answers: read, run in one shell, compared."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mesh.support.running_mesh import RunningMesh

DOCUMENTED_EDGE_PORT = 8080
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACEHOLDER = re.compile(r"<[^<>]+>")
_DONE = "--- done ---"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A command, and what it prints as JSON or as text; `kind` is "" when the page does not say."""

    command: str
    kind: str = ""
    answer: str = ""


def read_recipes(page: str) -> list[Recipe]:
    """The page's blocks of sh, each with the block of json or text that follows it."""
    recipes: list[Recipe] = []
    for kind, content in _BLOCK.findall(page):
        if kind == "sh":
            recipes.append(Recipe(content))
        else:
            assert recipes, f"an answer without a command: {content}"
            assert not recipes[-1].kind, f"two answers to {recipes[-1].command}"
            recipes[-1] = Recipe(recipes[-1].command, kind, content)
    return recipes


def for_this_mesh(command: str, mesh: RunningMesh) -> str:
    """The command with this mesh's ports and data directory for the documented ones."""
    first = int(mesh.edge.rpartition(":")[2])

    def moved(port: re.Match[str]) -> str:
        return f"127.0.0.1:{first + int(port[1]) - DOCUMENTED_EDGE_PORT}"

    command = re.sub(r"127\.0\.0\.1:(80\d\d)\b", moved, command)
    return command.replace(
        ".venv/bin/python -m dev_mesh token", f"{sys.executable} -m dev_mesh token --data-dir {mesh.data_dir}"
    )


class Shell:
    """A bash that keeps its variables from block to block, as a person's terminal does."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, command: str) -> str:
        """What the command prints, errors included."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho '{_DONE}'\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.endswith(f"{_DONE}\n"):
                return "".join([*lines, line.removesuffix(f"{_DONE}\n")])
            lines.append(line)
        raise AssertionError(f"the shell ended in {command}")


@contextmanager
def open_shell(environment: Mapping[str, str], folder: Path) -> Iterator[Shell]:
    """A shell with these variables only."""
    pipe = subprocess.PIPE
    command = ["bash", "--norc", "--noprofile"]
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=dict(environment), cwd=folder
    ) as process:
        try:
            yield Shell(process)
        finally:
            process.kill()


class Comparison:
    """Answers against what the page says. `<words>` stand for any text, the same words always for the same."""

    def __init__(self) -> None:
        self._meant: dict[str, str] = {}

    def differs(self, recipe: Recipe, printed: str) -> str:
        """What is different; "" when nothing is."""
        if not recipe.kind:
            return ""
        if recipe.kind == "json":
            try:
                found = json.loads(printed)
            except ValueError:
                return f"no JSON: {printed}"
            return self._json(json.loads(recipe.answer), found, "answer")
        return self._text(recipe.answer, printed)

    def _json(self, said: Any, found: Any, place: str) -> str:
        if isinstance(said, dict) and isinstance(found, dict) and said.keys() == found.keys():
            return next((why for name in said if (why := self._json(said[name], found[name], f"{place}.{name}"))), "")
        if isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
            pairs = enumerate(zip(said, found, strict=True))
            return next((why for number, (a, b) in pairs if (why := self._json(a, b, f"{place}[{number}]"))), "")
        if isinstance(said, str) and isinstance(found, str):
            return "" if self._match(said, found) else f"{place}: {found!r} is not {said!r}"
        return "" if said == found else f"{place}: {found!r} is not {said!r}"

    def _text(self, said: str, found: str) -> str:
        pattern = "".join(
            "(?:.*\n)*?" if line.strip() == "..." else self._pattern(_spaces(line)) + "\n" for line in said.splitlines()
        )
        lines = "".join(_spaces(line) + "\n" for line in found.splitlines())
        return "" if re.fullmatch(pattern, lines) else f"{found}\nis not\n{said}"

    def _match(self, said: str, found: str) -> bool:
        """Whether it fits, by what placeholders were before; remembers what a new one means."""
        if not _PLACEHOLDER.fullmatch(said):
            return said == found
        return found != "" and self._meant.setdefault(said, found) == found

    def _pattern(self, line: str) -> str:
        parts = re.split(f"({_PLACEHOLDER.pattern})", line)
        return "".join(self._part(part) for part in parts)

    def _part(self, part: str) -> str:
        if not _PLACEHOLDER.fullmatch(part):
            return re.escape(part)
        return re.escape(self._meant[part]) if part in self._meant else ".+"


def _spaces(line: str) -> str:
    return " ".join(line.split())

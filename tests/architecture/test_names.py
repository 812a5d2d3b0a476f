"""Names say what a thing is about: a file is found by the operation or the event that it holds."""

from __future__ import annotations

import ast
import re

import pytest

from mesh.events.routes import ROUTES
from tests.support.source import Module, modules, services

EMPTY_WORDS = {
    *("utils", "util", "helpers", "helper", "common", "misc", "base", "impl", "manager", "processor", "wrapper"),
    *("data", "info", "types", "dto", "repository", "factory"),
}
EMPTY_FILES = {"service", "handler"}
# The one job that is no event.
JOBS = {"fanout_job"}


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, lower-cased."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return {part.lower() for part in parts}


def classes(module: Module) -> list[str]:
    return [node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]


def public_functions(module: Module) -> list[str]:
    functions = [node for node in module.tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)]
    return [function.name for function in functions if not function.name.startswith("_")]


def in_folder(folder: str) -> list[Module]:
    """The modules of that folder of every service."""
    return [
        module
        for module in modules()
        if module.name.split(".")[0] in services()
        and module.path.parent.name == folder
        and module.path.stem != "__init__"
    ]


@pytest.mark.parametrize("module", modules(), ids=str)
def test_no_file_or_class_has_a_name_that_says_nothing(module: Module) -> None:
    parts = {word for part in module.name.split(".") for word in words(part)}
    assert not parts & EMPTY_WORDS
    assert module.path.stem not in EMPTY_FILES
    assert not [name for name in classes(module) if words(name) & EMPTY_WORDS]


@pytest.mark.parametrize("module", modules(), ids=str)
def test_every_module_opens_with_why_it_exists(module: Module) -> None:
    if module.path.stem == "__init__" and not module.path.read_text().strip():
        pytest.fail("an __init__.py says in one sentence what its package is about")
    assert ast.get_docstring(module.tree)


@pytest.mark.parametrize("module", in_folder("handlers"), ids=str)
def test_a_handler_file_has_one_public_function_and_its_name(module: Module) -> None:
    assert public_functions(module) == [module.path.stem]


@pytest.mark.parametrize("module", in_folder("consumers"), ids=str)
def test_a_consumer_file_is_named_for_its_event_and_its_function_too(module: Module) -> None:
    event = module.path.stem
    assert event in ROUTES or event in JOBS
    assert event.endswith("ed") or event in JOBS, "an event has happened: its name is in the past tense"
    assert f"on_{event}" in public_functions(module)


def test_the_words_of_names_are_found() -> None:
    assert words("HTTPTokenFactory") == {"http", "token", "factory"}
    assert words("page_info") == {"page", "info"}
    assert words("SqliteDatabase") == {"sqlite", "database"}

"""Typed settings from the environment: all mistakes are told at once, and secrets are never repeated.

A config class is a frozen dataclass whose fields are made by `setting`, or are config classes themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

C = TypeVar("C")

# The default of a setting that has none.
REQUIRED: Final[Any] = MISSING
_KEY = "setting"


class SettingsError(Exception):
    """Settings that the program cannot start with; `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class PortTaken(SettingsError):
    """An address to listen on that cannot be had."""

    def __init__(self, env: str, listen: str) -> None:
        super().__init__([f"{env}: cannot listen on {listen}: it is in use, or no address of this machine"])


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A line of the settings table; `default` is as it would be written in the environment."""

    env: str
    default: str
    unit: str
    help: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class _Setting:
    env: str
    help: str
    unit: str
    secret: bool
    parse: Callable[[str], object] | None
    least: float | None
    most: float | None


def setting(
    env: str,
    default: Any = REQUIRED,  # noqa: ANN401 - any type that a field may have
    *,
    help: str,  # noqa: A002 - as argparse names it
    unit: str = "",
    secret: bool = False,
    parse: Callable[[str], object] | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Any:  # noqa: ANN401 - stands for the field's value, as dataclasses.field does
    """A field read from the variable `env`.

    The annotation says how: str, int, float, bool, Path, or timedelta (written in seconds). `parse` replaces that and
    raises ValueError with a text for the operator. `least` and `most` bound numbers, in seconds for a timedelta.
    """
    how = _Setting(env, help, unit, secret, parse, least, most)
    return field(default=default, kw_only=True, repr=not secret, metadata={_KEY: how})


def load(config_class: type[C], environ: Mapping[str, str] | None = None) -> C:
    """Build the config from `environ`, which is the process's own when it is not given.

    Raises SettingsError with every mistake. A variable that is set to nothing counts as not set, except for text.
    """
    mistakes: list[str] = []
    config = _load(config_class, os.environ if environ is None else environ, mistakes)
    if mistakes:
        raise SettingsError(mistakes)
    return config


def describe(config_class: type[object]) -> list[SettingRow]:
    """Every setting of the class, those of nested classes where they stand."""
    rows: list[SettingRow] = []
    hints = get_type_hints(config_class)
    for each in _fields(config_class):
        how = each.metadata.get(_KEY)
        if how is None:
            rows += describe(hints[each.name])
        else:
            is_required = each.default is MISSING
            default = "" if is_required or how.secret else _written(each.default)
            rows.append(SettingRow(how.env, default, how.unit, how.help, is_required))
    return rows


def _load(config_class: type[C], environ: Mapping[str, str], mistakes: list[str]) -> C:
    hints = get_type_hints(config_class)
    values: dict[str, object] = {}
    for each in _fields(config_class):
        how = each.metadata.get(_KEY)
        if how is None:
            values[each.name] = _load(hints[each.name], environ, mistakes)
            continue
        text = environ.get(how.env)
        if text is None or (text == "" and (hints[each.name] is not str or each.default is MISSING)):
            if each.default is MISSING:
                mistakes.append(f"{how.env} is not set: {how.help}")
            values[each.name] = each.default
            continue
        try:
            values[each.name] = _parsed(how, hints[each.name], text)
        except ValueError as error:
            shown = "" if how.secret else f"={text[:200]!r}"
            mistakes.append(f"{how.env}{shown}: {error}")
    if mistakes:
        return object.__new__(config_class)  # never seen: the mistakes are raised
    try:
        return config_class(**values)
    except SettingsError as error:  # of a config class that compares its settings
        mistakes += error.mistakes
        return object.__new__(config_class)


def _fields(config_class: type[object]) -> tuple[Field[Any], ...]:
    if not is_dataclass(config_class):
        raise TypeError(f"{config_class.__name__} is no config class")
    return fields(config_class)


def _parsed(how: _Setting, kind: type[object], text: str) -> object:
    value = how.parse(text) if how.parse else _PARSERS[kind](text)
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, int | float):
        if how.least is not None and number < how.least:
            raise ValueError(f"must be at least {how.least:g}")
        if how.most is not None and number > how.most:
            raise ValueError(f"must be at most {how.most:g}")
    return value


def _int(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 19:
        raise ValueError("must be a whole number")
    return int(text)


def _float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError("must be a number") from None
    if not abs(number) < 1e15:
        raise ValueError("must be a finite number")
    return number


def _bool(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def _written(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


_PARSERS: Mapping[object, Callable[[str], object]] = {
    str: str,
    int: _int,
    float: _float,
    bool: _bool,
    Path: Path,
    timedelta: lambda text: timedelta(seconds=_float(text)),
}

"""Paths of field masks: snake_case in messages, camelCase in JSON and URLs."""

from __future__ import annotations

import re

_CAPITAL = re.compile(r"[A-Z]")
_SMALL_BEHIND_UNDERSCORE = re.compile(r"_([a-z])")


def snake_path(path: str) -> str:
    """`a.bC` as `a.b_c`; what is in snake_case stays."""
    return _CAPITAL.sub(lambda capital: "_" + capital[0].lower(), path)


def camel_path(path: str) -> str:
    """`a.b_c` as `a.bC`; a path that would not come back the same, such as `a_1`, stays as it is."""
    camel = _SMALL_BEHIND_UNDERSCORE.sub(lambda small: small[1].upper(), path)
    return camel if snake_path(camel) == path else path

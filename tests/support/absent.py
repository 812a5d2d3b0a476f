"""A real part that a test needs and the machine lacks."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(why: str) -> NoReturn:
    """Skip the test, and say why. Where CI is set nothing may be missing: the test fails."""
    if os.environ.get("CI"):  # noqa: TID251 - no setting of ours: every CI sets it
        pytest.fail(why)
    pytest.skip(why)

"""The table of settings in docs/operations.md is the one of the config classes."""

from __future__ import annotations

from dev_mesh.settings import known_names
from tools.settings_table import PAGE, settings_table, with_table


def test_the_table_of_settings_is_current() -> None:
    page = PAGE.read_text()
    assert with_table(page) == page, "run make generate"


def test_every_setting_stands_in_the_table_once_per_meaning() -> None:
    table = settings_table()
    assert all(f"`{name}`" in table for name in known_names())
    assert table.count("`AVIARY_LISTEN`") == 1
    assert table.count("`AVIARY_JWKS_FILE`") == 2

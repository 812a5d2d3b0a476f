"""The arguments that every service takes, and a --help that lists its settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Literal, TypeAlias, cast, get_args

from mesh.env import SettingRow, describe

Role: TypeAlias = Literal["serve", "work", "all"]

_ROLES = "serve answers calls; work runs consumers, outbox and jobs, with health and admin only; all does both"


def read_arguments(program: str, config_class: type[object], arguments: Sequence[str] | None) -> Role:
    """The role. Exits with 0 after --help, with 2 for arguments that are wrong."""
    rows = describe(config_class)
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=f"Runs {program}. It drains and ends on SIGTERM or SIGINT.",
        epilog=settings_table(rows),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--role", choices=get_args(Role), default="all", help=f"{_ROLES} (default: all)")
    return cast("Role", parser.parse_args(arguments).role)


def settings_table(rows: Sequence[SettingRow]) -> str:
    """The settings as aligned text: variable, default, what it is."""
    widest = max(len(row.env) for row in rows)
    lines = ["settings, from the environment:"]
    for row in rows:
        default = "required" if row.is_required else f"default {row.default or 'none'}"
        unit = f" ({row.unit})" if row.unit else ""
        lines.append(f"  {row.env:<{widest}}  {row.help}{unit}; {default}")
    return "\n".join(lines)

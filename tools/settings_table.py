"""Writes the settings of every process into docs/operations.md, from the config classes. `make generate` runs it."""

from __future__ import annotations

import sys
from pathlib import Path

from dev_mesh.settings import rows_by_process
from mesh.env import SettingRow

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operations.md"
BEGIN = "<!-- the table of settings, written by tools/settings_table.py -->\n"
END = "<!-- end of the table -->\n"


def settings_table() -> str:
    """The table as Markdown: variables that several processes read in the same way stand there once."""
    readers: dict[SettingRow, list[str]] = {}
    rows_by_name = rows_by_process()
    for process, rows in rows_by_name.items():
        for row in rows:
            readers.setdefault(row, []).append(process)
    services = [name for name in rows_by_name if name.endswith("_svc")]
    lines = ["| variable | default | what it is | read by |", "|---|---|---|---|"]
    for row, names in readers.items():
        unit = f" ({row.unit})" if row.unit else ""
        read_by = "every process" if names == list(rows_by_name) else ", ".join(names)
        read_by = "every service" if names == services else read_by
        lines.append(f"| `{row.env}` | {_default(row)} | {row.help}{unit} | {read_by} |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """The page's text with the table of now between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{PAGE} has lost the marks of its table: {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{settings_table()}\n{END}{after}"


def _default(row: SettingRow) -> str:
    if row.is_required:
        return "**required**"
    return f"`{row.default}`" if row.default not in {"", "None"} else "none"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
    sys.stdout.write(f"wrote the settings into {PAGE.name}\n")

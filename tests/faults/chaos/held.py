"""`python -m tests.faults.chaos.held`: docs/reliability/README.md anew, the table of what the kept runs held."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.faults.chaos.bar import Scale
from tests.faults.chaos.bars import BARS

FOLDER = Path(__file__).parents[3] / "docs" / "reliability"
STORES = ("sqlite", "cassandra")
SCALES = [scale.value for scale in Scale]
# The figures that say how much it was; all are in the file.
SHOWN = ("acts", "posts", "acknowledged posts", "calls", "pages", "walks", "seeds", "ids", "cuts", "stores", "blows")
HEAD = """# What was held

Each row is one run of a bar at the largest scale that was kept for a store, with how much it was; the file has all
figures. A bar is held when nothing that it compares is otherwise than promised. An empty place is a run that was not
kept, or a bar that is of the other store. `python -m tests.faults.chaos.held` writes this page from the files.

| bar | what befalls the mesh | SQLite | Cassandra |
|---|---|---|---|
"""


def main() -> int:
    """Write the page."""
    (FOLDER / "README.md").write_text(page())
    return 0


def page() -> str:
    """The table, from the files that are there."""
    runs: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for path in sorted(FOLDER.glob("*.json"), key=_scale):
        run = json.loads(path.read_text())
        runs[run["bar"]][run["store"]] = run
    rows = ((bar.number, bar.title, *(_cell(runs[bar.number].get(store)) for store in STORES)) for bar in BARS)
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _scale(path: Path) -> int:
    return SCALES.index(path.stem.rpartition("-")[2])


def _cell(run: dict[str, Any] | None) -> str:
    if run is None:
        return ""
    figures = run["figures"]
    much = [f"{figures[name]:,g} {name}" for name in SHOWN if figures.get(name)]
    name = f"{run['bar']}-{run['store']}-{run['scale']}.json"
    how = "held" if run["held"] else "NOT HELD"
    much.append(f"{figures['took s']} s")
    return f"{how}, [{run['scale']}]({name}), seed {run['seed']}: {', '.join(much)}"


if __name__ == "__main__":
    sys.exit(main())

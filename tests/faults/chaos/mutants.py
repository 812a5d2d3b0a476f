"""Whether the bars bite: each patch of tests/faults/mutants puts one bug into a copy of the tree, and a bar must fall.

`python -m tests.faults.chaos.mutants` holds, on every copy, the bars that are to find its bug, until one does.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.support.mutants import applied, environment, patches

SECONDS_EACH = 900
# Which bars look for which bug, in turn. Those without one meet within milliseconds, or need thousands of tweets:
# `python -m tests.simulation.mutants` and the tests that docs/reliability.md names find them.
FOUND_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "body_put_without_a_second_look": ("F23",),
        "both_is_taken_for_pull": ("F24",),
        "confirmed_before_the_effect": ("F01", "F28"),
        "cursor_counts_its_own_id": ("F25",),
        "edge_read_once": ("F03",),
        "follow_dropped_while_building": ("F03",),
        "handed_on_is_confirmed": ("F03",),
        "key_claimed_and_not_used": ("F18",),
        "no_filter_of_authors_left": ("F22",),
        "no_tombstone_in_the_cache": ("F23",),
        "pull_to_push_without_catching_up": ("F24",),
        "push_to_pull_without_index": ("F24",),
        "rebuild_claims_to_be_whole": ("F09",),
        "row_deleted_at_the_puback": ("F05",),
        "sources_read_before_the_mark": ("F09",),
    }
)


def main() -> int:
    """0 when every mutant falls that a bar looks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these (default: all)")
    parser.add_argument("--bar", action="append", help="hold this on all of them instead; repeatable")
    parser.add_argument("--seed", type=int, default=7, help="default 7")
    parser.add_argument("--scale", default="quick", help="default quick")
    asked = parser.parse_args()
    alive = 0
    for patch in patches():
        bars = tuple(asked.bar or FOUND_BY.get(patch.stem, ()))
        if not bars or (asked.names and patch.stem not in asked.names):
            continue
        found = next(filter(None, (_broken(patch, bar, asked.seed, asked.scale) for bar in bars)), "")
        alive += not found
        print(f"{patch.stem:36s} {found or 'lives: ' + ', '.join(bars)}", flush=True)
    return bool(alive)


def _broken(patch: Path, bar: str, seed: int, scale: str) -> str:
    """What the bar found of the bug; empty when it was held."""
    with tempfile.TemporaryDirectory(prefix="aviary-mutant-", ignore_cleanup_errors=True) as folder:
        tree = applied(patch, Path(folder))
        run = subprocess.run(
            [sys.executable, "-m", "tests.faults.chaos", "--bar", bar, "--seed", str(seed), "--scale", scale],
            cwd=tree,
            env=environment(tree),
            capture_output=True,
            text=True,
            timeout=SECONDS_EACH,
            check=False,
        )
    broken = re.search(r"^ *BROKEN (.*)$", run.stdout, re.MULTILINE)
    if broken is None and run.returncode:
        raise RuntimeError(run.stderr[-2_000:])
    return f"{bar}  {broken[1][:110]}" if broken else ""


if __name__ == "__main__":
    sys.exit(main())

"""Whether the bars bite: each patch of tests/faults/mutants puts one bug into a copy of the tree, and a bar must fall.

`python -m tests.faults.chaos.mutants` holds on each copy the bar that is to find its bug.
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
# Which bar finds which bug. docs/reliability.md says what finds the others, which meet within milliseconds or need
# thousands of followers.
FOUND_BY: Mapping[str, str] = MappingProxyType(
    {
        "both_is_taken_for_pull": "F24",
        "confirmed_before_the_effect": "F28",
        "cursor_counts_its_own_id": "F25",
        "key_claimed_and_not_used": "F18",
        "no_filter_of_authors_left": "F22",
        "no_tombstone_in_the_cache": "F23",
        "pull_to_push_without_catching_up": "F24",
        "row_deleted_at_the_puback": "F05",
        "sources_read_before_the_mark": "F09",
    }
)


def main() -> int:
    """0 when every mutant falls."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these (default: those that a bar is known to find)")
    parser.add_argument("--bar", action="append", help="hold this on them instead; repeatable")
    parser.add_argument("--seed", type=int, default=7, help="default 7")
    parser.add_argument("--scale", default="quick", help="default quick")
    asked = parser.parse_args()
    alive = 0
    for patch in patches():
        known = FOUND_BY.get(patch.stem)
        bars = asked.bar or ([known] if known else [])
        if not bars or patch.stem not in (asked.names or FOUND_BY):
            continue
        found = next(filter(None, (_broken(patch, bar, asked.seed, asked.scale) for bar in bars)), "")
        alive += not found
        print(f"{patch.stem:36s} {found or 'lives: ' + ', '.join(bars)}", flush=True)
    return bool(alive)


def _broken(patch: Path, bar: str, seed: int, scale: str) -> str:
    """What the bar found of the bug; empty when it was held. Raises RuntimeError when it could not be."""
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
    broken = re.search(r"^ *BROKEN (?!it could not be held)(.*)$", run.stdout, re.MULTILINE)
    if broken is None and run.returncode:
        raise RuntimeError(run.stderr[-2_000:])
    return f"{bar}  {broken[1][:110]}" if broken else ""


if __name__ == "__main__":
    sys.exit(main())

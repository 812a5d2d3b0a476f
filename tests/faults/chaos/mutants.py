"""Whether the bars bite: each patch of tests/faults/mutants puts one bug into a copy of the tree, and a bar must fall.

`python -m tests.faults.chaos.mutants` holds on each copy the bar that is to find its bug, and prints the table of
docs/reliability.md. With names it holds only those, so that a run that was broken off is taken up again.
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

SECONDS_EACH = 1_800
# Which bar finds which bug, and at which scale. What needs events that meet within milliseconds,
# or thousands of followers, falls to the simulation: small limits and virtual time give it both.
FOUND_BY: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "backfill_leaves_the_floor": ("F51", "quick"),
        "body_put_without_a_second_look": ("F51", "quick"),
        "both_is_taken_for_pull": ("F51", "ci"),
        "chain_ends_after_the_first_link": ("F51", "quick"),
        "confirmed_before_the_effect": ("F51", "quick"),
        "cursor_counts_its_own_id": ("F25", "quick"),
        "edge_read_once": ("F51", "quick"),
        "follow_dropped_while_building": ("F51", "quick"),
        "handed_on_is_confirmed": ("F51", "quick"),
        "key_claimed_and_not_used": ("F18", "quick"),
        "no_filter_of_authors_left": ("F22", "quick"),
        "no_tombstone_in_the_cache": ("F23", "quick"),
        "pull_to_push_without_catching_up": ("F24", "quick"),
        "push_to_pull_without_index": ("F51", "quick"),
        "rebuild_claims_to_be_whole": ("F51", "quick"),
        "row_deleted_at_the_puback": ("F05", "quick"),
        "sources_read_before_the_mark": ("F09", "quick"),
    }
)


def main() -> int:
    """0 when every mutant falls."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these (default: all)")
    parser.add_argument("--bar", action="append", help="hold this on them instead; repeatable")
    parser.add_argument("--seed", type=int, default=7, help="default 7")
    parser.add_argument("--scale", default="quick", help="of the bars named with --bar, default quick")
    asked = parser.parse_args()
    chosen = [patch for patch in patches() if not asked.names or patch.stem in asked.names]
    if asked.names and len(chosen) < len(set(asked.names)):
        parser.error("there is no such mutant")
    alive = 0
    for patch in chosen:
        held = [(bar, asked.scale) for bar in asked.bar or ()] or [FOUND_BY[patch.stem]]
        found = next(filter(None, (_broken(patch, bar, scale, asked.seed) for bar, scale in held)), "")
        alive += not found
        print(f"| `{patch.stem}` | {found or f'LIVES: {held}'} |", flush=True)
    return bool(alive)


def _broken(patch: Path, bar: str, scale: str, seed: int) -> str:
    """What the bar found of the bug; empty when it was held. Raises RuntimeError when it could not be."""
    with tempfile.TemporaryDirectory(prefix="aviary-mutant-", ignore_cleanup_errors=True) as folder:
        tree = applied(patch, Path(folder))
        run = subprocess.run(
            [sys.executable, "-m", "tests.faults.chaos", "--bar", bar, f"--seed={seed}", f"--scale={scale}"],
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
    return f"{bar} {scale} | {broken[1][:110]}" if broken else ""


if __name__ == "__main__":
    sys.exit(main())

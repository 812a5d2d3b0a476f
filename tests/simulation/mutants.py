"""Whether the simulation bites: each patch of tests/faults/mutants puts one bug into a copy of the tree, to be found.

`python -m tests.simulation.mutants` runs seeds on every copy until one fails.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.mutants import applied, environment, patches

MOST_SEEDS = 1_000
SECONDS_EACH = 600


def seeds_until_found(folder: Path, *, seeds: int, processes: int) -> tuple[int, str] | None:
    """How many seeds it took, and what was found; None when nothing was."""
    command = [sys.executable, "-m", "tests.simulation", "--until-found"]
    run = subprocess.run(
        [*command, f"--seeds={seeds}", f"--processes={processes}"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=SECONDS_EACH,
        check=False,
    )
    found = re.search(r"^seed (\d+): (.*)$", run.stdout, re.MULTILINE)
    if found is None and run.returncode:
        raise RuntimeError(run.stderr)
    return (int(found[1]) + 1, found[2]) if found else None


def main() -> int:
    """0 when every patch applies, and every mutant falls."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these (default: all)")
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS, help=f"at most so many each (default: {MOST_SEEDS})")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    alive = 0
    for patch in patches():
        if asked.names and patch.stem not in asked.names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = seeds_until_found(applied(patch, Path(folder)), seeds=asked.seeds, processes=asked.processes)
        alive += found is None
        verdict = f"{found[0]:5d} seeds  {found[1][:110]}" if found else f"lives after {asked.seeds} seeds"
        print(f"{patch.stem:36s} {verdict}", flush=True)
    return bool(alive)


if __name__ == "__main__":
    sys.exit(main())

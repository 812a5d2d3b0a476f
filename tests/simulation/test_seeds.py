"""No seed breaks a promise, each run is what it says it is, and a bug in the code is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.chaos.bar import Scale
from tests.faults.chaos.bars import BARS
from tests.faults.chaos.mutants import FOUND_BY
from tests.simulation.nemesis import FEWEST
from tests.simulation.run import FEWEST_OPERATIONS, run_seed
from tests.support.mutants import applied, environment, patches
from tests.support.source import ROOT

SEEDS = 160
FEWEST_USERS = 5
# Seeds that found something, and what; a change of the code or of the simulation may lead them elsewhere. Those of a
# mutant fail again when its patch is applied.
KEPT = {
    70000: "backfill_leaves_the_floor",
    70003: "push_to_pull_without_index",
    70005: "rebuild_claims_to_be_whole",
    70007: "confirmed_before_the_effect",
    70011: "chain_ends_after_the_first_link",
    70042: "body_put_without_a_second_look",
    70065: "follow_dropped_while_building",
    70085: "edge_read_once",
    70216: "handed_on_is_confirmed",
    70482: "both_is_taken_for_pull",
}


def simulate(*arguments: str, tree: Path = ROOT, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=tree,
        env={**environment(tree), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_seed_breaks_a_promise(tell: Callable[[str], None]) -> None:
    run = simulate(f"--seeds={SEEDS}")
    assert run.returncode == 0, run.stdout + run.stderr
    tell(f"simulation: {run.stdout.strip()}")


@pytest.mark.parametrize("seed", [0, 5])
def test_a_seed_gives_the_same_run_line_by_line_whatever_the_process(seed: int) -> None:
    first, second = (simulate(f"--seed={seed}", hash_seed=hash_seed) for hash_seed in ("1", "2"))
    assert len(first.stdout.splitlines()) > FEWEST_OPERATIONS
    assert first.stdout == second.stdout


@pytest.mark.parametrize("seed", range(5))
def test_every_run_has_operations_users_and_faults_enough(seed: int) -> None:
    result = run_seed(seed)
    assert result.findings == []
    assert result.operations >= FEWEST_OPERATIONS
    assert result.users >= FEWEST_USERS
    assert sum(line.count("** ") for line in result.lines) >= FEWEST


@pytest.mark.parametrize("seed", KEPT, ids=str)
def test_what_a_seed_once_found_is_not_found_again(seed: int) -> None:
    assert run_seed(seed).findings == []


@pytest.mark.parametrize("patch", patches(), ids=lambda patch: patch.stem)
def test_every_mutant_still_applies(patch: Path) -> None:
    run = subprocess.run(["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_every_mutant_has_a_bar_that_is_to_find_it() -> None:
    assert sorted(FOUND_BY) == [patch.stem for patch in patches()]
    assert {bar for bar, _ in FOUND_BY.values()} <= {bar.number for bar in BARS}
    assert {scale for _, scale in FOUND_BY.values()} <= {scale.value for scale in Scale}


@pytest.mark.parametrize("name", ["cursor_counts_its_own_id"])
def test_a_mutant_falls(name: str, tmp_path: Path) -> None:
    [patch] = [patch for patch in patches() if patch.stem == name]
    run = simulate("--seeds=60", "--until-found", "--processes=1", tree=applied(patch, tmp_path / "tree"))
    assert "which does not go down" in run.stdout, run.stdout + run.stderr

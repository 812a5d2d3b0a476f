"""Any sequence of writes leaves counts, lists and index as the edges are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.conformance.graph_store.backends import BACKENDS
from tests.conformance.graph_store.machine import run_machine
from tests.support.examples import examples

SETTINGS = settings(
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize("name", BACKENDS)
def test_any_sequence_keeps_counts_lists_and_index(name: str, tmp_path: Path) -> None:
    run_machine(BACKENDS[name], tmp_path, settings(SETTINGS, max_examples=examples(name)))

"""Any sequence of writes leaves counts, lists and index as the edges are."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.graph_store.backends import BACKENDS
from tests.conformance.graph_store.machine import GraphStoreMachine

SETTINGS = settings(max_examples=20, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("name", BACKENDS)
def test_any_sequence_keeps_counts_lists_and_index(name: str) -> None:
    machine = type("Machine", (GraphStoreMachine,), {"open_backend": staticmethod(BACKENDS[name])})
    run_state_machine_as_test(machine, settings=SETTINGS)

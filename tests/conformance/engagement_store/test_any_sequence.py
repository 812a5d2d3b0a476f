"""Any sequence of writes leaves counts and lists as the rows are."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.engagement_store.backends import BACKENDS
from tests.conformance.engagement_store.machine import EngagementStoreMachine

SETTINGS = settings(max_examples=20, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("name", BACKENDS)
def test_any_sequence_keeps_counts_and_lists(name: str) -> None:
    machine = type("Machine", (EngagementStoreMachine,), {"open_backend": staticmethod(BACKENDS[name])})
    run_state_machine_as_test(machine, settings=SETTINGS)

"""Any sequence of writes leaves counts and lists as the rows are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.engagement_store.backends import BACKENDS, SHARED_BACKENDS, empty
from tests.conformance.engagement_store.machine import EngagementStoreMachine

MOST_EXAMPLES = 200
SETTINGS = settings(max_examples=MOST_EXAMPLES, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("name", BACKENDS)
def test_any_sequence_keeps_counts_and_lists(name: str, tmp_path: Path) -> None:
    asyncio.run(empty(BACKENDS[name], tmp_path))
    machine = type("Machine", (EngagementStoreMachine,), {"open_backend": staticmethod(SHARED_BACKENDS[name])})
    run_state_machine_as_test(machine, settings=SETTINGS)

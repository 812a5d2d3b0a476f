"""Any sequence of writes leaves counts and lists as the rows are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.engagement_store.backends import BACKENDS, SHARED_BACKENDS, empty
from tests.conformance.engagement_store.machine import EngagementStoreMachine
from tests.support.examples import examples

STEPS = 30


@pytest.mark.parametrize("name", BACKENDS)
def test_any_sequence_keeps_counts_and_lists(name: str, tmp_path: Path) -> None:
    asyncio.run(empty(BACKENDS[name], tmp_path))
    machine = type("Machine", (EngagementStoreMachine,), {"open_backend": staticmethod(SHARED_BACKENDS[name])})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(name), stateful_step_count=STEPS, deadline=None)
    )

"""F13: every fifth operation of a store takes half a second longer."""

from __future__ import annotations

from tests.faults.chaos.bar import Run
from tests.faults.chaos.slow_disk import slow_the_disk
from tests.faults.chaos.slow_node import slow_the_node


async def slow_the_store(run: Run) -> None:
    """On SQLite the syncs of a store in this process; on Cassandra the answers to all services of a mesh."""
    await (slow_the_node if run.store == "cassandra" else slow_the_disk)(run)

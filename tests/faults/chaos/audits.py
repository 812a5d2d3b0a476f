"""What the mesh's own auditors say of it. Their counters begin at 0 with each worker; their log does not."""

from __future__ import annotations

import json
from collections.abc import Collection

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Run
from tests.faults.chaos.figures import AUDITS, counted
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

# Far more than operators ask for, so that a bar of a minute sees every timeline once or twice.
AUDITING = (
    *("--set", "AVIARY_TIMELINE_AUDITS_PER_MINUTE=400"),
    *("--set", "AVIARY_TIMELINE_AUDIT_SETTLING_SECONDS=2"),
)
COUNTERS = {
    "missing": "aviary_timeline_missing_total",
    "ghosts": "aviary_timeline_ghost_total",
    "duplicates": "aviary_timeline_duplicate_total",
}
FOUND = "was not as it should be"
AUDITED_SECONDS = 30.0


async def judge_audits(mesh: RunningMesh, run: Run, *, timelines: int, dead: Collection[int] = ()) -> None:
    """Auditors must have looked at `timelines` timelines of a quiet mesh, and never have found one that was wrong.

    What the events of `dead` were to bring, they were right to miss.
    """
    began = SystemClock().monotonic()
    before = await _equal(mesh)

    async def have_looked() -> bool:
        return await _equal(mesh) >= before + timelines

    await wait_until(have_looked, at_most=AUDITED_SECONDS)
    run.figures["audits"] = await _equal(mesh)
    run.figures["audited s"] = round(SystemClock().monotonic() - began, 1)
    for what, found in logged(mesh).items():
        counter = int(await counted(mesh, COUNTERS[what], service="timeline_svc"))
        wrong = len([tweet for tweet in found if tweet not in dead]) + max(0, counter - len(found))
        run.figures[f"audited {what}"] = wrong
        run.expect(f"ids that an auditor found {what}", found[:5] or counter, is_so=not wrong)


def logged(mesh: RunningMesh) -> dict[str, list[int]]:
    """The ids found since the mesh began, by the logs: a worker that is killed takes its counters along."""
    found: dict[str, list[int]] = {what: [] for what in COUNTERS}
    for process in mesh.processes():
        if process["service"] == "timeline_svc":
            for line in mesh.log(process["name"]).splitlines():
                if FOUND in line:
                    record = json.loads(line)
                    for what in found:
                        found[what] += record[what]
    return found


async def _equal(mesh: RunningMesh) -> float:
    return await counted(mesh, AUDITS, service="timeline_svc", outcome="equal")

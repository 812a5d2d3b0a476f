"""The figures that the processes of a mesh show about themselves."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from dev_mesh.http_client import open_http
from tests.mesh.support.running_mesh import RunningMesh

CONSUMED = "aviary_consumer_events_total"
AUDITS = "aviary_timeline_audits_total"


async def counted(mesh: RunningMesh, sample: str, *, service: str, process: str = "", **labels: str) -> float:
    """The sum of a sample over the processes of a service, or one of them, with these labels. Raises NoAnswer."""
    total = 0.0
    for one in mesh.processes():
        if one["service"] != service or process not in {"", one["name"]}:
            continue
        base, _, target = one["metrics"].rpartition("/")
        async with open_http(base) as client:
            text = (await client.request("GET", f"/{target}")).body.decode()
        for family in text_string_to_metric_families(text):
            for found in family.samples:
                if found.name == sample and labels.items() <= found.labels.items():
                    total += found.value
    return total


async def handled(mesh: RunningMesh) -> int:
    """How many events the groups have handled with success since their workers started, repeats included."""
    count = 0.0
    for service in ("timeline_svc", "engagement_svc"):
        for outcome in ("done", "handed_on"):
            count += await counted(mesh, CONSUMED, service=service, outcome=outcome)
    return int(count)

"""`python -m dev_mesh up`: from an empty folder to a mesh that answers, and back down in order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event

from dev_mesh.binaries import BinaryMissing
from dev_mesh.cassandra.cluster import OtherCluster, claim_home
from dev_mesh.cassandra.fetch import FetchFailed, fetch_jars
from dev_mesh.cassandra.machine import ToolMissing, cache_folder, find_java
from dev_mesh.child import Program, StartFailed
from dev_mesh.engine_programs import nats_program, redis_program
from dev_mesh.keys import prepare_keys
from dev_mesh.lock import AlreadyRunning, only_mesh
from dev_mesh.mesh_file import NAME as MESH_FILE
from dev_mesh.options import Options, Store
from dev_mesh.plan import Plan
from dev_mesh.ports import PortTaken, check_free, plan_ports
from dev_mesh.service_programs import SERVICES, edge_program, service_programs
from dev_mesh.supervisor import NotReady, Supervisor
from dev_mesh.tour import TourFailed, tour
from mesh.clock import Clock
from mesh.keys import BrokenKeys

CANNOT_START = 2
CANNOT = (
    AlreadyRunning,
    BinaryMissing,
    BrokenKeys,
    FetchFailed,
    NotReady,
    OSError,
    OtherCluster,
    PortTaken,
    StartFailed,
    ToolMissing,
    ValueError,
)
ORPHANS_END_WITHIN = timedelta(seconds=2)


def up(options: Options, *, clock: Clock) -> int:
    """Run a mesh until a signal ends it. Returns the exit code: 0 drained, 2 it could not start."""
    try:
        has_cassandra = options.store == "cassandra"
        ports = plan_ports(options.edge_port, replicas=options.replicas, has_cassandra=has_cassandra)
        options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_mesh(options.data_dir):
            _check_free(ports, data_dir=options.data_dir, clock=clock)
            _check_store(options)
            is_fresh = not (options.data_dir / "user_svc").exists()
            plan = Plan(options, ports, prepare_keys(options.data_dir, SERVICES))
            asyncio.run(_run(plan, shows_tour=is_fresh and options.shows_tour, clock=clock))
    except CANNOT as failure:
        print(f"dev_mesh: {failure}", file=sys.stderr)
        return CANNOT_START
    return 0


def _check_store(options: Options) -> None:
    """Raise ValueError for a folder whose rows are in the other store: the mesh would begin anew beside them."""
    if options.cassandra_nodes > 1 and options.store != "cassandra":
        raise ValueError(f"--cassandra-nodes {options.cassandra_nodes} needs --store cassandra")
    has_files = (options.data_dir / "user_svc" / "user_svc.db").exists()
    found: Store | None = "cassandra" if (options.data_dir / "cassandra").exists() else "sqlite" if has_files else None
    if found not in {None, options.store}:
        raise ValueError(
            f"{options.data_dir} holds a mesh with --store {found}; give it that again, or another --data-dir"
        )


def _check_free(ports: Mapping[str, int], *, data_dir: Path, clock: Clock) -> None:
    """Raise PortTaken. After a kill -9, which leaves mesh.json behind, the old children get a moment to end."""
    deadline = clock.monotonic() + (ORPHANS_END_WITHIN.total_seconds() if (data_dir / MESH_FILE).exists() else 0)
    while True:
        try:
            check_free(ports)
        except PortTaken:
            if clock.monotonic() >= deadline:
                raise
            Event().wait(0.05)
        else:
            return


async def _run(plan: Plan, *, shows_tour: bool, clock: Clock) -> None:
    engines = [nats_program(plan), redis_program(plan), *_cassandra(plan)]
    stages = [engines, service_programs(plan), [edge_program(plan)]]
    supervisor = Supervisor(stages, data_dir=plan.options.data_dir, edge_url=plan.edge_url, clock=clock, say=say)
    began = clock.monotonic()
    say(f"starting {sum(map(len, stages))} processes, data in {plan.options.data_dir}")

    async def once_ready() -> None:
        say(_welcome(plan, took=clock.monotonic() - began))
        if shows_tour:
            try:
                await tour(plan.edge_url, say)
            except TourFailed as failure:
                say(f"the tour ended early: {failure}")
        say("ready; Ctrl-C stops the mesh")

    await supervisor.run(once_ready)
    say("stopped; the data stays")


def _cassandra(plan: Plan) -> list[Program]:
    cluster = plan.cassandra
    if cluster is None:
        return []
    # Only then: the driver alone takes as long to import as all the rest.
    from dev_mesh.cassandra.programs import cassandra_programs  # noqa: PLC0415 - see above
    from dev_mesh.cassandra.readiness import Readiness  # noqa: PLC0415 - see above

    java = find_java()
    jars = fetch_jars(cache_folder(), say=say)
    claim_home(cluster)
    logs = plan.options.data_dir / "logs"
    return cassandra_programs(cluster, java=java, jars=jars, logs=logs, readiness=Readiness(cluster))


def say(text: str) -> None:
    """One line for people, also when nobody is at a terminal."""
    print(text, flush=True)


def _welcome(plan: Plan, *, took: float) -> str:
    tweet_svc = plan.address("tweet_svc")
    return f"""the mesh answers after {took:.1f} s
  HTTP   {plan.edge_url}   try: curl {plan.edge_url}/v1/limits
  gRPC   {tweet_svc} is tweet_svc   try: grpcurl -plaintext {tweet_svc} list
  all    {plan.options.data_dir / "mesh.json"}, or: python -m dev_mesh status --data-dir {plan.options.data_dir}
  logs   {plan.options.data_dir / "logs"}"""

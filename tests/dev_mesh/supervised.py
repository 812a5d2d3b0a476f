"""Runs a supervisor with stand-ins as a process of its own, so that signals reach it as from a terminal.

Run as `python supervised.py DATA_DIR FIRST_PORT NAME=MANNERS...`: each child is a stage.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from dev_mesh.child import Program, StartFailed
from dev_mesh.probes import tcp_accepts
from dev_mesh.supervisor import Supervisor
from mesh.clock import SystemClock

STAND_IN = Path(__file__).parent / "stand_in.py"


def program(name: str, manners: str, *, port: int, data_dir: Path) -> Program:
    directory = data_dir / name
    return Program(
        name=name,
        service="stand_in",
        role="all",
        command=(sys.executable, str(STAND_IN), str(port), str(data_dir / f"{name}.diary"), manners),
        environment={"PATH": os.defpath},
        directory=directory,
        log=data_dir / "logs" / f"{name}.log",
        address=f"127.0.0.1:{port}",
        metrics="",
        is_ready=partial(tcp_accepts, f"127.0.0.1:{port}"),
    )


async def main(data_dir: Path, first_port: int, children: list[str]) -> None:
    stages = [
        [program(*child.split("="), port=first_port + number, data_dir=data_dir)]
        for number, child in enumerate(children)
    ]
    say = partial(print, flush=True)
    supervisor = Supervisor(stages, data_dir=data_dir, edge_url="http://edge", clock=SystemClock(), say=say)

    async def once_ready() -> None:
        say("all ready")

    await supervisor.run(once_ready)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
    except StartFailed as failure:
        sys.exit(str(failure))

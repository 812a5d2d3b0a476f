"""A process of a mesh that a bar starts by itself, with failpoints, in the place of the mesh's own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dev_mesh.child import TIED
from dev_mesh.control import ask
from dev_mesh.probes import grpc_serves
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until

READY_SECONDS = 60.0
ENDED_SECONDS = 20.0


class OwnProcess:
    """Command, environment and folder are those of the mesh's process; what it says goes into a log of its own."""

    def __init__(self, mesh: RunningMesh, name: str) -> None:
        found = mesh.find(name)
        of_process = Path(f"/proc/{found['pid']}")
        self.name = name
        self._address: str = found["address"]
        self._command = of_process.joinpath("cmdline").read_text().rstrip("\0").split("\0")
        lines = of_process.joinpath("environ").read_text().rstrip("\0").split("\0")
        self._environment = dict(line.split("=", 1) for line in lines)
        self._directory = of_process.joinpath("cwd").readlink()
        self._log = mesh.data_dir / "logs" / f"{name}.struck.log"
        self._process: Process | None = None
        self._read_from = 0

    async def start(self, failpoints: str = "") -> None:
        """Begin to run, struck at `failpoints`; what ran before is killed."""
        await self.kill()
        with self._log.open("ab") as log:
            self._read_from = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *self._command),
                env={**self._environment, "FAILPOINT": failpoints},
                cwd=self._directory,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                start_new_session=True,
            )

    async def until_ready(self) -> None:
        """It answers."""
        await wait_until(lambda: grpc_serves(self._address), at_most=READY_SECONDS)

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.returncode if self._process else None

    def reached(self) -> list[str]:
        """The failpoints that struck since the start, in their order."""
        with self._log.open("rb") as log:
            log.seek(self._read_from)
            lines = log.read().splitlines()
        return [json.loads(line)["failpoint"] for line in lines if b'"a failpoint is reached"' in line]

    def is_paused(self) -> bool:
        """Whether it stands still at a failpoint."""
        assert self._process is not None
        assert self.exit_code is None, self.told()
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def go_on(self) -> None:
        """It stands still no longer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """It ends as in a crash, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def told(self) -> str:
        """The end of its log, for whoever must find out what went wrong."""
        return f"{self.name} {self.exit_code}: " + " | ".join(self._log.read_text(errors="replace").splitlines()[-5:])


@asynccontextmanager
async def in_place_of(mesh: RunningMesh, name: str) -> AsyncIterator[OwnProcess]:
    """The mesh's process of that name is held down, and is ready again when the block has ended."""
    own = OwnProcess(mesh, name)
    await asyncio.to_thread(ask, mesh.data_dir, "stop", name)
    try:
        yield own
    finally:
        await own.kill()
    await asyncio.to_thread(ask, mesh.data_dir, "start", name)

"""A mesh as its users get it, `python -m dev_mesh up`, on free ports and a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev_mesh.child import TIED
from mesh.clock import SystemClock
from tests.support.free_ports import free_row

ROOT = Path(__file__).parents[3]
# Of a mesh on Cassandra too, on a machine that others keep busy.
READY_SECONDS = 240.0
DRAINED_SECONDS = 60.0
# Nothing of the shell that runs the tests.
ENVIRONMENT = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}


class RunningMesh:
    """The processes of a mesh, found by mesh.json as any outside tool would."""

    def __init__(self, data_dir: Path, process: subprocess.Popen[bytes], printed: Path) -> None:
        self.data_dir = data_dir
        self.process = process
        self.is_killed = False
        self._printed = printed

    @property
    def edge(self) -> str:
        """The URL of the edge."""
        url: str = self._file()["edge"]
        return url

    def printed(self) -> str:
        """What the mesh said so far."""
        return self._printed.read_text()

    def find(self, name: str) -> dict[str, Any]:
        """What mesh.json says of a process."""
        return next(process for process in self.processes() if process["name"] == name)

    def processes(self) -> list[dict[str, Any]]:
        """What mesh.json says of all."""
        found: list[dict[str, Any]] = self._file()["processes"]
        return found

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a process from outside, as a crash or an operator would. Returns its pid."""
        pid: int = self.find(name)["pid"]
        os.kill(pid, number)
        return pid

    def control(self, *arguments: str) -> str:
        """What a command such as `stop nats` prints; fails unless it succeeds."""
        done = run_dev_mesh(*arguments, "--data-dir", str(self.data_dir))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def log(self, name: str) -> str:
        """The log of a process."""
        return (self.data_dir / "logs" / f"{name}.log").read_text(errors="replace")

    def kill(self) -> None:
        """End the supervisor, and with it all its children, as kill -9 does."""
        self.process.kill()
        self.process.wait()
        self.is_killed = True

    def end(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(DRAINED_SECONDS)

    def _file(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.data_dir / "mesh.json").read_text())
        return content


def run_dev_mesh(*arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `python -m dev_mesh ARGUMENTS` to its end."""
    command = [sys.executable, "-m", "dev_mesh", *arguments]
    return subprocess.run(
        command, env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
    )


@contextmanager
def running_mesh(data_dir: Path, *flags: str, edge_port: int = 0, shows_tour: bool = False) -> Iterator[RunningMesh]:
    """A mesh that is ready, ended with Ctrl-C after the block, with exit code 0 unless the test killed it."""
    printed = data_dir.parent / f"{data_dir.name}.printed"
    command = [sys.executable, "-m", "dev_mesh", "up", "--data-dir", str(data_dir)]
    command += ["--edge-port", str(edge_port or free_row(50)), *([] if shows_tour else ["--no-tour"]), *flags]
    # Tied: whoever is killed leaves no mesh behind.
    tied = [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *command]
    with printed.open("wb") as output:
        process = subprocess.Popen(tied, stdout=output, stderr=output, env=ENVIRONMENT, cwd=ROOT)
    mesh = RunningMesh(data_dir, process, printed)
    try:
        _wait_until_ready(mesh)
        yield mesh
        assert mesh.is_killed or mesh.end() == 0, mesh.printed()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_until_ready(mesh: RunningMesh) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + READY_SECONDS
    while "ready; Ctrl-C" not in mesh.printed():
        if mesh.process.poll() is not None or clock.monotonic() > deadline:
            raise AssertionError(f"the mesh did not start:\n{mesh.printed()}")
        try:
            mesh.process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue

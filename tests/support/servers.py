"""Real nats-server and redis-server processes on free loopback ports, started and stopped by tests."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit
from urllib.request import urlopen

from dev_mesh.binaries import nats_server, redis_server
from mesh.clock import SystemClock

START_SECONDS = 10.0
STOP_SECONDS = 10.0


def free_port() -> int:
    """A TCP port of loopback that nobody has now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One child process at a fixed address; `stop` and `start` keep address and data."""

    def __init__(self, command: list[str], url: str, folder: Path, is_ready: Callable[[], bool]) -> None:
        self.url = url
        self.folder = folder
        self._command = command
        self._is_ready = is_ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        clock = SystemClock()
        deadline = clock.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or clock.monotonic() > deadline:
                raise AssertionError(f"{self._command[0]} did not start; see {self.folder}.log")
            Event().wait(0.01)

    def stop(self) -> None:
        """Ask it to end, and wait; one that does not end is killed, and the test fails."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wipe(self) -> None:
        """Remove its data; only while it is stopped."""
        shutil.rmtree(self.folder)


def delete_streams(url: str, streams: Sequence[str]) -> None:
    """Remove streams of a nats-server, without an event loop: fixtures call it from anywhere."""
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as connection:
        lines = connection.makefile("rb")
        connection.sendall(b'CONNECT {"verbose": false}\r\nSUB deleted 1\r\n')
        for stream in streams:
            connection.sendall(f"PUB $JS.API.STREAM.DELETE.{stream} deleted 0\r\n\r\n".encode())
        answers = 0
        while answers < len(streams):
            answers += lines.readline().startswith(b"MSG ")


@contextmanager
def start_nats(folder: Path, *, max_file_store: str = "2GB", more: str = "") -> Iterator[Server]:
    """A nats-server with JetStream that keeps its data in `folder`; `more` is added to its configuration."""
    port, monitor = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    conf = folder.parent / f"{folder.name}.conf"
    conf.write_text(
        f'server_name: test\nlisten: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor}"\n'
        f'jetstream {{ store_dir: "{folder}", max_file_store: {max_file_store} }}\n{more}\n'
    )

    def is_ready() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{monitor}/healthz?js-enabled-only=true", timeout=1) as answer:
                return bool(json.load(answer)["status"] == "ok")
        except OSError:
            return False

    server = Server([str(nats_server()), "-c", str(conf)], f"nats://127.0.0.1:{port}", folder, is_ready)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def start_redis(folder: Path) -> Iterator[Server]:
    """A redis-server that keeps nothing on disk."""
    port = free_port()
    command = [str(redis_server()), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    command += ["--dir", str(folder), "--maxmemory", "64mb", "--maxmemory-policy", "noeviction"]

    def is_ready() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    server = Server(command, f"redis://127.0.0.1:{port}/0", folder, is_ready)
    server.start()
    try:
        yield server
    finally:
        server.stop()

"""The life of a real process: starting, refusing to start, draining, crashing."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from aviary.user.v1.user_service_pb2 import GetUserRequest, GetUserResponse
from aviary.user.v1.user_service_pb2_grpc import UserServiceStub
from tests.support.free_ports import free_row
from tests.support.keys import write_keys
from tests.support.wait_until import wait_until

ROOT = Path(__file__).parents[3]


@dataclass
class Tiny:
    """The process, its address, and what it has written so far."""

    process: Process
    port: int
    folder: Path
    lines: list[str] = field(default_factory=list)
    has_read: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[str]:
        return [json.loads(line)["message"] for line in self.lines if line.startswith("{")]

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode())
        self.has_read.set()

    async def says(self, message: str) -> None:
        await wait_until(lambda: message in self.messages, at_most=20)

    async def ends(self) -> int:
        async with asyncio.timeout(20):
            await self.has_read.wait()
            return await self.process.wait()


@asynccontextmanager
async def tiny(folder: Path, *arguments: str, **environ: str) -> AsyncIterator[Tiny]:
    """Start the tiny service with good settings, but for those given; kill it at the end if it still runs."""
    jwks_file, key_file = write_keys(folder)
    port = free_row(1)
    settings: Mapping[str, str] = {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
        "AVIARY_LISTEN": f"127.0.0.1:{port}",
        "AVIARY_JWKS_FILE": str(jwks_file),
        "AVIARY_SERVICE_KEY_FILE": str(key_file),
        "AVIARY_PAGE_TOKEN_KEY": "a key that is long enough for page tokens",
        "TINY_FOLDER": str(folder),
        **environ,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.tiny_app", *arguments, env=settings, cwd=folder, stderr=PIPE, stdout=PIPE
    )
    running = Tiny(process, port, folder)
    async with asyncio.TaskGroup() as group:
        group.create_task(running.read())
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def get_user(port: int, user_id: int) -> GetUserResponse:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        return await UserServiceStub(channel).GetUser(GetUserRequest(user_id=user_id), timeout=30, wait_for_ready=True)


async def takes_no_connection(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def code_of_get_user(port: int, user_id: int) -> grpc.StatusCode:
    try:
        await get_user(port, user_id)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_calls_in_progress_are_answered_and_the_exit_code_is_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with tiny(tmp_path) as service, asyncio.TaskGroup() as group:
        await service.says("started")
        call = group.create_task(get_user(service.port, 2))
        await wait_until((tmp_path / "begun").exists)
        service.process.send_signal(number)
        await service.says("draining")
        await wait_until(lambda: takes_no_connection(service.port))
        (tmp_path / "finish").touch()
        assert await call == GetUserResponse()
        assert await service.ends() == 0
        assert service.messages[-1] == "closed"


async def test_every_line_of_the_log_is_json_with_service_and_time(tmp_path: Path) -> None:
    async with tiny(tmp_path) as service:
        await service.says("started")
        service.process.terminate()
        assert await service.ends() == 0
    for line in service.lines:
        assert {"time", "level", "service", "message"} <= json.loads(line).keys()


async def test_a_signal_while_opening_ends_it_as_well(tmp_path: Path) -> None:
    async with tiny(tmp_path, TINY_TROUBLE="opening takes for ever") as service:
        await service.says("opening")
        service.process.terminate()
        assert await service.ends() == 0


async def test_a_second_signal_ends_a_drain_at_once(tmp_path: Path) -> None:
    async with tiny(tmp_path) as service, asyncio.TaskGroup() as group:
        await service.says("started")
        call = group.create_task(code_of_get_user(service.port, 2))
        await wait_until((tmp_path / "begun").exists)
        service.process.terminate()
        await service.says("draining")
        service.process.terminate()
        assert await service.ends() == 1
        assert await call == grpc.StatusCode.UNAVAILABLE


async def test_broken_settings_are_all_named_and_the_exit_code_is_2(tmp_path: Path) -> None:
    environ = {"AVIARY_LISTEN": "here", "AVIARY_STORE_URL": "mysql://x", "AVIARY_PAGE_TOKEN_KEY": "short"}
    async with tiny(tmp_path, **environ, TINY_FOLDER="") as service:
        assert await service.ends() == 2
    text = "".join(service.lines)
    for name in (*environ, "TINY_FOLDER"):
        assert text.count(name) == 1
    assert "Traceback" not in text
    assert "short" not in text


async def test_a_failpoint_that_does_not_exist_is_named_with_examples(tmp_path: Path) -> None:
    async with tiny(tmp_path, FAILPOINT="post.nowhere:kill") as service:
        assert await service.ends() == 2
    [line] = service.lines
    assert "FAILPOINT='post.nowhere:kill': there is no failpoint 'post.nowhere'; such as post.committed:kill" in line


async def test_a_process_with_failpoints_says_so(tmp_path: Path) -> None:
    async with tiny(tmp_path, FAILPOINT="post.committed:raise@2") as service:
        await service.says("started")
        [told] = [json.loads(line) for line in service.lines if "failpoints are armed" in line]
        assert (told["level"], told["failpoints"]) == ("warning", "post.committed:raise@2")
    async with tiny(tmp_path) as service:
        await service.says("started")
        assert not [message for message in service.messages if "failpoint" in message]


async def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    async with tiny(tmp_path / "one") as first:
        await first.says("started")
        address = f"127.0.0.1:{first.port}"
        async with tiny(tmp_path / "two", AVIARY_LISTEN=address) as second:
            assert await second.ends() == 2
        assert f": AVIARY_LISTEN: cannot listen on {address}" in second.lines[-1]
        async with tiny(tmp_path / "three", AVIARY_METRICS_LISTEN=address) as third:
            assert await third.ends() == 2
        assert f": AVIARY_METRICS_LISTEN: cannot listen on {address}" in third.lines[-1]


@pytest.mark.parametrize(
    ("environ", "mistake"),
    [
        ({"TINY_TROUBLE": "newer schema"}, "schema 2 of tiny is newer than this program's 1"),
        ({"AVIARY_JWKS_FILE": "/nowhere/jwks.json"}, "/nowhere/jwks.json: No such file or directory"),
    ],
)
async def test_what_only_an_operator_can_mend_ends_it_with_2(
    tmp_path: Path, environ: dict[str, str], mistake: str
) -> None:
    async with tiny(tmp_path, **environ) as service:
        assert await service.ends() == 2
    assert mistake in "".join(service.lines)
    assert "Traceback" not in "".join(service.lines)


@pytest.mark.parametrize(
    ("trouble", "word"), [("a loop fails", "the loop is broken"), ("a loop ends", "ended by itself")]
)
async def test_a_loop_that_ends_ends_the_process_with_1_and_a_line_in_the_log(
    tmp_path: Path, trouble: str, word: str
) -> None:
    async with tiny(tmp_path, TINY_TROUBLE=trouble) as service:
        assert await service.ends() == 1
    last = json.loads(service.lines[-1])
    assert (last["message"], last["level"]) == ("crashed", "error")
    assert word in last["traceback"]
    assert "closed" in service.messages


@pytest.mark.parametrize(
    ("role", "code", "works"),
    [
        ("serve", grpc.StatusCode.OK, False),
        ("work", grpc.StatusCode.UNIMPLEMENTED, True),
        ("all", grpc.StatusCode.OK, True),
    ],
)
async def test_the_role_says_what_runs(tmp_path: Path, role: str, code: grpc.StatusCode, works: bool) -> None:
    async with tiny(tmp_path, "--role", role) as service:
        await service.says("started")
        assert await code_of_get_user(service.port, 1) == code
        assert ("working" in service.messages) == works


async def test_help_lists_roles_and_settings_and_needs_none_of_them(tmp_path: Path) -> None:
    async with tiny(tmp_path, "--help", AVIARY_LISTEN="here", TINY_FOLDER="") as service:
        assert service.process.stdout is not None
        text: Any = (await service.process.stdout.read()).decode()
        assert await service.ends() == 0
    for word in ("--role {serve,work,all}", "AVIARY_LISTEN", "default 127.0.0.1:9000", "TINY_FOLDER", "required"):
        assert word in text


async def test_an_unknown_role_ends_it_with_2(tmp_path: Path) -> None:
    async with tiny(tmp_path, "--role", "rest") as service:
        assert await service.ends() == 2
    assert "invalid choice: 'rest'" in "".join(service.lines)

"""The process itself: over sockets, from its first line to its exit code."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge_proxy.connection import MOST_BEFORE_BODY_BYTES
from tests.services.edge_proxy.edge_process import PATIENCE, ROOT, EdgeProcess, edge_process, outcome
from tests.services.edge_proxy.stand_in import StandIn
from tests.support.free_ports import free_row
from tests.support.wait_until import wait_until

SERVICE = "library.v1.Library"
CLOSE = b"Connection: close\r\n\r\n"


@pytest.fixture
async def process(library: StandIn, library_file: Path) -> AsyncIterator[EdgeProcess]:
    """In front of a contract that it has never seen."""
    flags = ("--descriptors", str(library_file), "--upstream", f"{SERVICE}=127.0.0.1:{library.port}")
    async with edge_process(*flags, "--log-level", "debug") as edge:
        yield edge


def parsed(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def test_a_contract_is_served_over_sockets(process: EdgeProcess, library: StandIn) -> None:
    library.answers("LendBook", return_time={"seconds": 60})
    body = b'{"reader": "Ann"}'
    head = f"POST /v1/books/5:lend HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    status, headers, answer = parsed(await process.exchange(head + CLOSE, body))
    assert (status, json.loads(answer)) == (200, {"returnTime": "1970-01-01T00:01:00Z"})
    assert "server" not in headers
    assert library.last.request.reader == "Ann"


async def test_a_head_has_the_headers_of_a_get_and_no_body(process: EdgeProcess) -> None:
    answers = [
        parsed(await process.exchange(f"{verb} /v1/books/5 HTTP/1.1\r\nHost: x\r\n".encode() + CLOSE))
        for verb in ("GET", "HEAD")
    ]
    (_, of_get, body), (status, of_head, nothing) = answers
    assert (status, nothing) == (200, b"")
    assert of_head["content-length"] == of_get["content-length"] == str(len(body))


async def test_one_connection_carries_many_requests_and_their_answers_in_order(
    process: EdgeProcess, library: StandIn
) -> None:
    requests = [f"GET /v1/books/{number} HTTP/1.1\r\nHost: x\r\n".encode() for number in range(5)]
    answer = await process.exchange(b"\r\n".join(requests) + b"\r\n" + requests[0] + CLOSE)
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    assert [asked.request.id for asked in library.asked] == [0, 1, 2, 3, 4, 0]


@pytest.mark.parametrize("framing", [b"Content-Length: 900000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
async def test_a_client_that_sends_too_much_still_gets_its_answer(
    process: EdgeProcess, library: StandIn, framing: bytes
) -> None:
    body = (
        b"x" * 900_000 if b"Length" in framing else b"10000\r\n" + b"x" * 65_536 + b"\r\n" + b"4\r\nxxxx\r\n0\r\n\r\n"
    )
    head = b"POST /v1/books/5:lend HTTP/1.1\r\nHost: x\r\n"
    status, headers, answer = parsed(await process.exchange(head + framing, body))
    assert (status, headers["connection"]) == (413, "close")
    assert json.loads(answer)["error"]["code"] == 413
    assert not library.asked


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /v1/books/\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        # Just beyond the bound: a connection that is closed on unread bytes may lose the answer.
        (b"GET / HTTP/1.1\r\nX: " + b"y" * MOST_BEFORE_BODY_BYTES, 431),
        (b"GET /" + b"y" * MOST_BEFORE_BODY_BYTES, 431),
    ],
)
async def test_what_is_no_request_is_answered_in_json_and_the_connection_ends(
    process: EdgeProcess, sent: bytes, status: int
) -> None:
    answered, headers, body = parsed(
        await process.exchange(*(sent[i : i + 20_000] for i in range(0, len(sent), 20_000)))
    )
    assert answered == status
    error = json.loads(body)["error"]
    assert error["details"][1]["requestId"] == headers["x-request-id"]


async def test_it_drains_on_sigterm_and_exits_0(process: EdgeProcess, library: StandIn) -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(_request: Any, _call: Any) -> Any:
        asked.set()
        await may_answer.wait()
        return library.response("GetBook", id=5)

    library.behaviours["GetBook"] = slow
    request = asyncio.create_task(process.exchange(b"GET /v1/books/5 HTTP/1.1\r\nHost: x\r\n\r\n"))  # noqa: TID251 - awaited below
    await asyncio.wait_for(asked.wait(), 20)
    process.process.terminate()
    await wait_until(process.is_closed, at_most=10)
    may_answer.set()
    status, headers, _ = parsed(await request)
    assert (status, headers["connection"]) == (200, "close")
    assert await process.ended() == 0


@pytest.mark.parametrize("attempt", range(3))
def test_a_signal_at_the_moment_it_starts_is_not_lost(library_file: Path, attempt: int) -> None:
    """Without an event loop on this side: the signal must be there before the edge does anything more."""
    flags = ("--listen", "127.0.0.1:0", "--descriptors", str(library_file), "--upstream", f"{SERVICE}=127.0.0.1:1")
    command = (sys.executable, "-P", "-m", "edge_proxy", *flags)
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}) as edge:
        try:
            assert edge.stderr is not None
            while b"listening" not in edge.stderr.readline():
                pass
            edge.terminate()
            assert edge.wait(PATIENCE) == 0
        finally:
            edge.kill()


async def test_it_says_once_which_services_are_not_served_and_logs_no_secret(process: EdgeProcess) -> None:
    secret = b"Authorization: Bearer hunter2\r\n"
    await process.exchange(b"GET /v1/books/5?x=hunter2 HTTP/1.1\r\nHost: x\r\n" + secret + CLOSE)
    await process.exchange(b"GET /v1/archive/5 HTTP/1.1\r\nHost: x\r\n" + CLOSE)
    process.process.terminate()
    assert await process.ended() == 0
    warnings = [line for line in process.lines if line["message"] == "services without upstream are not served"]
    assert [line["services"] for line in warnings] == [["library.v1.Archive"]]
    access = [line for line in process.lines if line["message"] == "http"]
    assert [(line["route"], line["status"]) for line in access] == [("/v1/books/{id}", 400), ("none", 404)]
    assert all(line["request_id"] and line["ms"] >= 0 for line in access)
    assert "hunter2" not in json.dumps(process.lines)


async def test_requests_are_counted_by_route(library: StandIn, library_file: Path) -> None:
    port = free_row(1)
    flags = ("--descriptors", str(library_file), "--upstream", f"{SERVICE}=127.0.0.1:{library.port}")
    async with edge_process(*flags, AVIARY_METRICS_LISTEN=f"127.0.0.1:{port}") as edge:
        for target in ("/v1/books/5", "/v1/books/6", "/v1/books/x", "/a", "/b"):
            await edge.exchange(f"GET {target} HTTP/1.1\r\nHost: x\r\n".encode() + CLOSE)
        edge.port = port
        _, _, metrics = parsed(await edge.exchange(b"GET /metrics HTTP/1.0\r\n\r\n"))
    assert b'aviary_http_requests_total{method="GET",route="/v1/books/{id}",status="200"} 2.0' in metrics
    assert b'aviary_http_requests_total{method="GET",route="/v1/books/{id}",status="400"} 1.0' in metrics
    assert b'aviary_http_requests_total{method="GET",route="none",status="404"} 2.0' in metrics
    assert b'aviary_http_request_seconds_count{method="GET",route="/v1/books/{id}"} 3.0' in metrics


async def test_help_names_every_flag() -> None:
    code, out, _ = await outcome("--help")
    assert code == 0
    for flag in (
        *("--listen", "--descriptors", "--upstream", "--jwks", "--metrics-listen", "--no-aliases", "--cors-origin"),
        *("--stream-seconds", "--keep-alive-seconds", "--header-seconds", "--body-seconds", "--reader-seconds"),
        "--connections-per-address",
    ):
        assert flag in out


async def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.binpb"
    broken.write_bytes(b"not a descriptor set")
    flags = ("--descriptors", str(broken), "--upstream", "nonsense", "--listen", "8080", "--jwks", str(tmp_path / "no"))
    code, _, err = await outcome(*flags, AVIARY_LOG_LEVEL="loud")
    assert code == 2
    for part in ("--descriptors", "broken.binpb", "--upstream", "nonsense", "--listen", "--jwks", "AVIARY_LOG_LEVEL"):
        assert part in err
    assert "Traceback" not in err


async def test_an_upstream_that_the_descriptors_do_not_have_is_a_mistake(library_file: Path) -> None:
    flags = (
        "--descriptors",
        str(library_file),
        "--upstream",
        "library.v1.Libary=127.0.0.1:1",
        "--listen",
        "127.0.0.1:0",
    )
    code, _, err = await outcome(*flags)
    assert code == 2
    assert "library.v1.Libary" in err
    assert "library.v1.Library" in err


@pytest.mark.parametrize("flag", ["--listen", "--metrics-listen"])
async def test_a_port_in_use_is_named_with_its_flag(library_file: Path, flag: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        flags = {"--listen": "127.0.0.1:0", flag: address}
        code, _, err = await outcome(
            "--descriptors",
            str(library_file),
            "--upstream",
            f"{SERVICE}=127.0.0.1:1",
            *(part for pair in flags.items() for part in pair),
        )
    assert code == 2
    assert f"{flag} {address}" in err
    assert "Traceback" not in err

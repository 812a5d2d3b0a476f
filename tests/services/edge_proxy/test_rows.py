"""Every rule of docs/edge.md as requests to a contract that the edge has never seen, over sockets to its own process.

A row says what the rule says must happen; the service behind shows the message that it got.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import text_format

from tests.services.edge_proxy.edge_process import EdgeProcess, edge_process
from tests.services.edge_proxy.rows import bodies, parts, paths, queries
from tests.services.edge_proxy.rows.row import NONE, Row
from tests.support.probe.server import PROBE, STORE, ProbeServer, compile_probe, probe_server

ROWS: list[Row] = [*paths.ROWS, *queries.ROWS, *bodies.ROWS, *parts.ROWS]


@pytest.fixture(scope="module")
def probe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("probe") / "probe.binpb"
    file.write_bytes(compile_probe().SerializeToString())
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def probe() -> AsyncIterator[ProbeServer]:
    async with probe_server(compile_probe()) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(probe: ProbeServer, probe_file: Path) -> AsyncIterator[EdgeProcess]:
    upstreams = [word for name in (PROBE, STORE) for word in ("--upstream", f"{name}=127.0.0.1:{probe.port}")]
    async with edge_process("--descriptors", str(probe_file), *upstreams) as edge:
        yield edge


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_the_rule_holds(row: Row, process: EdgeProcess, probe: ProbeServer) -> None:
    probe.asked.clear()
    status, headers, answer = await _sent(process, row)
    assert status == row.status, answer
    for name, value in row.answered.items():
        assert headers.get(name) == value
    assert [name for name, _ in probe.asked] == ([row.method] if row.method else [])
    if row.method and row.message != "?":
        ((_, got),) = probe.asked
        expected = text_format.Parse(row.message, type(got)(), descriptor_pool=probe.pool)
        # As bytes: NaN is not equal to itself.
        assert got.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True), got
    if row.raw is not None:
        assert answer == row.raw
    if row.said is not NONE:
        assert json.loads(answer) == row.said
    if row.reason:
        _check_error(row, json.loads(answer), headers)


def _check_error(row: Row, answer: Any, headers: dict[str, str]) -> None:
    assert list(answer) == ["error"]
    error = answer["error"]
    details = {detail.pop("@type").rpartition(".")[2]: detail for detail in error["details"]}
    assert error["code"] == row.status
    assert error["message"]
    assert details["ErrorInfo"] == {"reason": row.reason, "domain": "aviary.dev"} | (
        {"metadata": details["ErrorInfo"]["metadata"]} if row.reason == "REQUEST_TOO_LARGE" else {}
    )
    assert details["RequestInfo"] == {"requestId": headers["x-request-id"]}
    named = [violation["field"] for violation in details.get("BadRequest", {}).get("fieldViolations", [])]
    assert named == row.fields
    assert error["status"] == {404: "NOT_FOUND", 405: "UNIMPLEMENTED"}.get(row.status, "INVALID_ARGUMENT")


async def _sent(process: EdgeProcess, row: Row) -> tuple[int, dict[str, str], bytes]:
    lines = [f"{row.verb} ".encode() + row.target + b" HTTP/1.1", b"Host: probe", b"Connection: close"]
    lines += [f"{name}: {value}".encode() for name, value in row.headers.items()]
    if row.body:
        lines.append(f"Content-Length: {len(row.body)}".encode())
    head, _, body = (await process.exchange(b"\r\n".join(lines) + b"\r\n\r\n" + row.body)).partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, body


def test_each_row_has_a_name_of_its_own_and_there_are_enough() -> None:
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)
    assert len(names) > 240

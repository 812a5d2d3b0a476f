"""Every rule of docs/edge.md as requests to a contract that the edge has never seen, over sockets to its own process.

A row says what the rule says must happen; the service behind shows the message that it got.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf import text_format

from tests.services.edge_proxy.edge_process import EdgeProcess
from tests.services.edge_proxy.probing import probing_edge, sent
from tests.services.edge_proxy.rows import bodies, parts, paths, queries
from tests.services.edge_proxy.rows.row import NONE, Row
from tests.support.probe.server import ProbeServer, probe_server

ROWS: list[Row] = [*paths.ROWS, *queries.ROWS, *bodies.ROWS, *parts.ROWS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def probe(probe_file: Path) -> AsyncIterator[ProbeServer]:
    async with probe_server(probe_file) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(probe: ProbeServer, probe_file: Path) -> AsyncIterator[EdgeProcess]:
    async with probing_edge(probe, probe_file) as edge:
        yield edge


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_the_rule_holds(row: Row, process: EdgeProcess, probe: ProbeServer) -> None:
    probe.asked.clear()
    reply = await sent(process, row.verb, row.target, row.body, row.headers)
    headers, answer = reply.headers, reply.body
    assert reply.status == row.status, answer
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


def _check_error(row: Row, answer: Any, headers: Mapping[str, str]) -> None:
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


def test_each_row_has_a_name_of_its_own_and_there_are_enough() -> None:
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)
    assert len(names) > 240

"""Every call of a harness is written down with one of three outcomes."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from dev_mesh.http_client import NoAnswer
from tests.mesh.support.api import Api, Person, open_api
from tests.mesh.support.call_log import CallLog
from tests.support.wait_until import wait_until

ANA = Person("ana", 7, "secret")
POSTED = {"tweet": {"tweetId": "12", "content": "hello"}}
NOTHING = 0
SILENCE = -1


@asynccontextmanager
async def answering(path: Path, *statuses: int) -> AsyncIterator[Api]:
    """An edge that answers with these statuses, or hangs up, or says nothing; and the log of its calls at `path`."""
    left = list(statuses)
    busy: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(length)
        status = left.pop(0)
        if status == SILENCE:
            await reader.read()
        elif status != NOTHING:
            body = json.dumps(POSTED if status == 201 else {}).encode()
            told = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            writer.write(told.encode() + b"connection: close\r\n\r\n" + body)
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        busy.discard(writer)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        with closing(CallLog(path)) as log:
            async with open_api(f"http://{host}:{port}", log=log) as api:
                yield api
        await wait_until(lambda: not busy)


def written(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


async def test_an_answer_says_what_was_done_or_that_nothing_was(tmp_path: Path) -> None:
    async with answering(tmp_path / "log", 201, 404) as api:
        await api.call("POST", "/v1/tweets", {"content": "hello"}, by=ANA, key="k")
        await api.call("DELETE", "/v1/tweets/12", by=ANA)
    done, refused = written(tmp_path / "log")
    assert 0 <= done.pop("began") <= done.pop("ended") <= refused.pop("began") <= refused.pop("ended")
    asked = {"who": "ana", "call": "POST /v1/tweets", "body": {"content": "hello"}, "key": "k"}
    assert done == {**asked, "outcome": "ok", "status": 201, "id": "12"}
    assert refused == {"who": "ana", "call": "DELETE /v1/tweets/12", "outcome": "fail", "status": 404}


async def test_every_repeat_of_an_unknown_outcome_is_an_entry_under_its_key(tmp_path: Path) -> None:
    async with answering(tmp_path / "log", 503, NOTHING, 409, 201) as api:
        await api.settle("POST", "/v1/tweets", {"content": "hello"}, by=ANA, key="k")
    entries = written(tmp_path / "log")
    assert [(entry["key"], entry["outcome"], entry.get("status")) for entry in entries] == [
        ("k", "unknown", 503),
        ("k", "unknown", None),
        ("k", "unknown", 409),
        ("k", "ok", 201),
    ]
    assert NoAnswer.__name__ in entries[1]["failure"]


async def test_what_became_of_a_call_that_was_left_is_not_known(tmp_path: Path) -> None:
    async with answering(tmp_path / "log", SILENCE) as api:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await api.call("POST", "/v1/tweets", {"content": "hello"}, by=ANA, key="k")
    (entry,) = written(tmp_path / "log")
    assert entry["outcome"] == "unknown"
    assert "Cancelled" in entry["failure"]


async def test_no_token_is_written_down(tmp_path: Path) -> None:
    async with answering(tmp_path / "log", 201) as api:
        await api.call("POST", "/v1/tweets", {"content": "hello"}, by=ANA)
    assert ANA.token not in json.dumps(written(tmp_path / "log"))

"""Logs are JSON lines that follow a call by its request id; no secret, no text, no stack trace is in them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.mesh.support.actions import sign_up
from tests.mesh.support.api import Api, Person, open_api
from tests.mesh.support.running_mesh import RunningMesh, running_mesh
from tests.support.wait_until import wait_until

PYTHON_PROCESSES = ("edge", "user_svc", "tweet_svc", "graph_svc", "engagement_svc", "timeline_svc", "timeline_svc-work")
PASSWORD = "not to be found anywhere 9"
EMAIL = "not.to.be.found@anywhere.example"
TEXT = "not to be found in any log"
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{20,}")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """A mesh that writes down all it can: at other levels successful calls leave no line."""
    flags = ["--set", "AVIARY_LOG_LEVEL=debug"]
    with running_mesh(Path(tmp_path_factory.mktemp("talkative")) / "data", *flags) as running:
        yield running


@pytest.fixture
async def api(mesh: RunningMesh) -> AsyncIterator[Api]:
    """That mesh's API."""
    async with open_api(mesh.edge) as opened:
        yield opened


async def test_a_call_is_found_in_every_log_it_went_through_by_its_request_id(mesh: RunningMesh, api: Api) -> None:
    person = await sign_up(api)
    answer = await api.call("GET", "/v1/timelines/home", by=person, headers={"x-request-id": "find-me-7"})
    assert answer.headers["x-request-id"] == "find-me-7"

    def lines(process: str) -> list[dict[str, object]]:
        logged = (json.loads(line) for line in mesh.log(process).splitlines() if "find-me-7" in line)
        return [line for line in logged if line.get("request_id") == "find-me-7"]

    for process in ("edge", "timeline_svc", "graph_svc"):
        await wait_until(partial(lines, process), at_most=5)


async def test_no_password_token_address_or_text_is_in_a_log(mesh: RunningMesh, api: Api) -> None:
    name = "keeps_secrets"
    account = {"username": name, "email": EMAIL, "password": PASSWORD}
    created = await api.insist("POST", "/v1/users", account)
    session = await api.insist("POST", "/v1/sessions", {"login": EMAIL, "password": PASSWORD})
    person = Person(name, int(created["user"]["userId"]), session["tokens"]["accessToken"])
    await api.insist("POST", "/v1/tweets", {"content": TEXT}, by=person, key="secret-1")
    await api.call("POST", "/v1/tweets", {"content": TEXT, "userId": 7}, by=person)
    await api.call("POST", "/v1/sessions", {"login": EMAIL, "password": PASSWORD + "x"})
    await api.call("GET", "/v1/timelines/home", by=Person(name, 1, session["tokens"]["accessToken"][:-5]))
    await api.call("POST", "/v1/users", account | {"password": PASSWORD + "x"})
    await api.call("GET", "/v1/limits", headers={"x-request-id": "the-last-call"})
    await wait_until(lambda: "the-last-call" in mesh.log("edge"), at_most=5)

    secrets = [PASSWORD, EMAIL, TEXT, session["tokens"]["refreshToken"]]
    for process in mesh.processes():
        log = mesh.log(process["name"])
        assert [secret for secret in secrets if secret in log] == [], process["name"]
        assert not TOKEN.search(log), process["name"]
        assert "redis://:" not in log
        assert "nats://aviary:" not in log


async def test_wrong_input_leaves_no_stack_trace_and_every_line_is_json(mesh: RunningMesh, api: Api) -> None:
    person = await sign_up(api)
    for content in ("", "x" * 281, "a\0b", 7, None, {"a": 1}):
        answer = await api.call("POST", "/v1/tweets", {"content": content}, by=person)
        assert 400 <= answer.status < 500
    forged = '{"level": "forged"}'
    await api.call("GET", f"/v1/tweets/%0A{quote(forged)}%1B%5B31m", headers={"x-request-id": "forged\\u000a"})
    await api.call("GET", "/v1/limits", headers={"x-request-id": "after-all"})
    await wait_until(lambda: "after-all" in mesh.log("edge"), at_most=5)
    for process in PYTHON_PROCESSES:
        log = mesh.log(process)
        for line in log.splitlines():
            entry = json.loads(line)
            assert entry["level"] != "forged"
            assert {"time", "level", "service", "message"} <= entry.keys()
            assert entry["level"] != "error", entry

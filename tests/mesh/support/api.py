"""The public API as a stranger's client sees it: HTTP and JSON, three kinds of outcome, retries under the same key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from dev_mesh.http_client import HttpClient, NoAnswer, open_http
from mesh.clock import SystemClock
from tests.mesh.support.call_log import CallLog

RETRY_SECONDS = 60.0
# The outcome is not known: repeat it under the same key.
UNKNOWN = frozenset({408, 409, 429, 500, 502, 503, 504})
# What an answer may be about.
ABOUT = (("tweet", "tweetId"), ("user", "userId"))


class Outcome(StrEnum):
    """What its caller knows of a call: it was done, it was not, or it may have been."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(eq=False, slots=True)
class Person:
    """An account that is logged in; its token is good for 15 minutes."""

    username: str
    user_id: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def outcome(self) -> Outcome:
        """What the status says."""
        if self.status in UNKNOWN:
            return Outcome.UNKNOWN
        return Outcome.OK if self.status < 300 else Outcome.FAIL

    @property
    def id(self) -> str:
        """The id of the tweet or user that it is about; "" when it is about none, or several."""
        about = self.json if isinstance(self.json, dict) else {}
        return next((about[what][name] for what, name in ABOUT if name in about.get(what, {})), "")

    @property
    def reason(self) -> str:
        """The reason of an error's ErrorInfo; "" when there is none."""
        details = self.json.get("error", {}).get("details", [])
        return next((detail["reason"] for detail in details if "reason" in detail), "")

    @property
    def fields(self) -> list[str]:
        """The fields that an error names."""
        details = self.json.get("error", {}).get("details", [])
        violations = [violation for detail in details for violation in detail.get("fieldViolations", [])]
        return [violation["field"] for violation in violations]

    @property
    def request_id(self) -> str:
        """The request id in an error's RequestInfo; "" when there is none."""
        details = self.json.get("error", {}).get("details", [])
        return next((detail["requestId"] for detail in details if "requestId" in detail), "")


class Api:
    """Calls of one edge, each of them in `log`."""

    def __init__(self, client: HttpClient, log: CallLog) -> None:
        self._client = client
        self._log = log
        self._clock = SystemClock()
        # When each call failed that was then repeated, in monotonic seconds, and which it was.
        self.failures: list[tuple[float, str]] = []

    async def call(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        by: Person | None = None,
        key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call. `body` is sent as JSON, or as it is when it is bytes. Raises NoAnswer."""
        sent = {"content-type": "application/json"} if body is not None else {}
        if by:
            sent["authorization"] = f"Bearer {by.token}"
        if key:
            sent["idempotency-key"] = key
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        entry: dict[str, object] = {"began": self._log.now(), "who": by and by.username, "call": f"{method} {target}"}
        entry |= {"body": repr(body) if isinstance(body, bytes) else body, "key": key, "outcome": Outcome.UNKNOWN}
        try:
            got = await self._client.request(method, target, headers={**sent, **(headers or {})}, body=content)
            is_json = got.headers.get("content-type", "").startswith("application/json")
            answer = Answer(got.status, got.headers, got.json() if is_json and got.body else {})
        except BaseException as failure:
            entry["failure"] = repr(failure)  # the caller may have left
            raise
        else:
            entry |= {"outcome": answer.outcome, "status": answer.status, "id": answer.id}
            return answer
        finally:
            self._log.add({**entry, "ended": self._log.now()})

    async def get(self, target: str, *, by: Person | None = None) -> Any:
        """The JSON of a GET that must answer 200; one that cannot be answered now is asked again."""
        return await self.insist("GET", target, by=by)

    async def insist(
        self, method: str, target: str, body: object = None, *, by: Person | None = None, key: str = ""
    ) -> Any:
        """The JSON of the success that comes in the end; an unknown outcome is tried again under the same key."""
        answer = await self.settle(method, target, body, by=by, key=key)
        assert answer.status < 300, f"{method} {target}: {answer}"
        return answer.json

    async def settle(
        self, method: str, target: str, body: object = None, *, by: Person | None = None, key: str = ""
    ) -> Answer:
        """The first answer that says what became of the call: unknown outcomes are tried again under the same key."""
        deadline = self._clock.monotonic() + RETRY_SECONDS
        while True:
            outcome = await self._attempt(method, target, body, by=by, key=key)
            if isinstance(outcome, Answer) and outcome.outcome is not Outcome.UNKNOWN:
                return outcome
            assert self._clock.monotonic() < deadline, f"{method} {target}: {outcome}"
            self.failures.append((self._clock.monotonic(), f"{method} {target}: {outcome}"))
            await asyncio.sleep(0.1)

    async def _attempt(
        self, method: str, target: str, body: object, *, by: Person | None, key: str
    ) -> Answer | NoAnswer:
        try:
            return await self.call(method, target, body, by=by, key=key)
        except NoAnswer as failure:
            return failure


@asynccontextmanager
async def open_api(edge: str, *, connections: int = 8, log: CallLog | None = None) -> AsyncIterator[Api]:
    """Calls of the edge at that URL; each of them is in `log`."""
    async with open_http(edge, connections=connections, patience=timedelta(seconds=10)) as client:
        yield Api(client, log or CallLog())

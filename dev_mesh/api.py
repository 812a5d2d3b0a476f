"""Calls of the public HTTP API in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dev_mesh.http_client import HttpClient


class ApiError(Exception):
    """An answer that is an error: its HTTP status, its reason, and its message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


async def call_api(
    client: HttpClient,
    method: str,
    target: str,
    body: Mapping[str, object] | None = None,
    *,
    token: str = "",
    key: str = "",
) -> Any:  # noqa: ANN401 - JSON is what it is
    """Make one call and return the answer's JSON. `key` is its Idempotency-Key. Raises ApiError and NoAnswer."""
    headers = {}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if key:
        headers["idempotency-key"] = key
    if body is not None:
        headers["content-type"] = "application/json"
    content = b"" if body is None else json.dumps(body).encode()
    answer = await client.request(method, target, headers=headers, body=content)
    if answer.status >= 300:
        raise _error(answer.status, answer.body)
    return answer.json()


def _error(status: int, body: bytes) -> ApiError:
    try:
        error = json.loads(body)["error"]
        reasons = [detail["reason"] for detail in error["details"] if "reason" in detail]
        return ApiError(status, reasons[0] if reasons else error["status"], error["message"])
    except (ValueError, KeyError, TypeError):
        return ApiError(status, "UNKNOWN", body.decode(errors="replace")[:200])

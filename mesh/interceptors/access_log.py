"""One line per call: failures and slow calls at info, the rest at debug. Never a token, a body or a text of a user."""

from __future__ import annotations

import logging

from mesh.clock import Clock
from mesh.interceptors.errors import code_of
from mesh.interceptors.incoming import Incoming, Step
from mesh.method import Method

SLOW_SECONDS = 0.5

logger = logging.getLogger("mesh.access")


def log_call(after: Step, method: Method, clock: Clock) -> Step:
    """Write the line once the call has an outcome."""

    async def step(incoming: Incoming) -> bytes:
        started = clock.monotonic()
        code = "OK"
        try:
            return await after(incoming)
        except BaseException as error:
            code = code_of(error)
            raise
        finally:
            seconds = clock.monotonic() - started
            level = logging.DEBUG if code == "OK" and seconds < SLOW_SECONDS else logging.INFO
            if logger.isEnabledFor(level):
                logger.log(level, "rpc", extra={"fields": _line(method, code, seconds, incoming)})

    return step


def _line(method: Method, code: str, seconds: float, incoming: Incoming) -> dict[str, object]:
    return {
        "rpc_service": method.service,
        "method": method.name,
        "code": code,
        "ms": round(seconds * 1000, 2),
        "request_id": incoming.request_id,
        "caller": incoming.caller.service or incoming.caller.user_id,
    }

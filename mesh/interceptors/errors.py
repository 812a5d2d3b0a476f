"""The outermost step: whatever happens inside, the caller gets a status that tells no more than it should."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias

import grpc

from mesh.errors import MeshError, Unavailable
from mesh.interceptors.incoming import CallContext, Incoming, Step, receive
from mesh.method import Method
from mesh.status import DETAILS_KEY, internal, to_status

Behaviour: TypeAlias = Callable[[bytes, CallContext], Awaitable[bytes]]

logger = logging.getLogger(__name__)


def answer_errors(after: Step, method: Method) -> Behaviour:
    """What grpc calls: bytes in, bytes out, or the status of the failure."""

    async def behaviour(body: bytes, context: CallContext) -> bytes:
        incoming = receive(body, context)
        try:
            return await after(incoming)
        except MeshError as error:
            failure = error
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            # grpc answers nothing at all to a cancellation that it did not ask for: the caller would hang.
            # https://github.com/grpc/grpc/issues/29248
            logger.warning("a handler was cancelled from inside", extra={"fields": _line(method, incoming)})
            failure = Unavailable.backend(method.service)
        except Exception:
            logger.exception("a handler failed", extra={"fields": _line(method, incoming)})
            failure = internal()
        return await _abort(context, failure, incoming.request_id)

    return behaviour


def is_cancelled() -> bool:
    """Whether somebody asked for this call to end: the client, its deadline, or the server's stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def code_of(error: BaseException) -> str:
    """The code that a call ends with when this comes out of its handler."""
    if isinstance(error, MeshError):
        return error.code
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED" if is_cancelled() else Unavailable.code
    return MeshError.code


async def _abort(context: CallContext, failure: MeshError, request_id: str) -> bytes:
    status = to_status(failure, request_id)
    trailing: list[tuple[str, str | bytes]] = [(DETAILS_KEY, status.SerializeToString())]
    if isinstance(failure, Unavailable) and failure.retry_after is not None:
        trailing.append(("grpc-retry-pushback-ms", str(failure.retry_after // timedelta(milliseconds=1))))
    await context.abort(grpc.StatusCode[failure.code], status.message, tuple(trailing))
    return b""  # not reached: abort raises


def _line(method: Method, incoming: Incoming) -> dict[str, object]:
    return {"rpc_service": method.service, "method": method.name, "request_id": incoming.request_id}

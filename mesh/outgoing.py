"""One call to another service: what it is given on its way out, and what its failure becomes."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from aviary.options.v1 import method_policy_pb2 as policy
from mesh.caller import CURRENT_CALL, Call
from mesh.calls.target import CallTarget
from mesh.errors import MeshError, PermissionDenied, Unauthenticated, Unavailable
from mesh.interceptors.deadline import HOP_MARGIN_SECONDS, deadline_exceeded
from mesh.method import Method, method_of
from mesh.metrics import Metrics
from mesh.status import DETAILS_KEY, from_status, internal
from mesh.tokens import ServiceTokens

logger = logging.getLogger(__name__)


class CallRefused(Exception):
    """Another service did not take this service's own token: keys or policy are wrong, and no caller can mend that."""


class OutgoingChannel:
    """What a generated stub needs of a channel: `unary_unary`."""

    def __init__(
        self,
        target: str,
        calls: CallTarget,
        *,
        is_retrying: bool,
        tokens: ServiceTokens,
        metrics: Metrics,
    ) -> None:
        self._target = target
        self._calls = calls
        self._is_retrying = is_retrying
        self._tokens = tokens
        self._metrics = metrics

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Message], bytes],  # noqa: ARG002 - the method's own classes do it
        response_deserializer: Callable[[bytes], Message],  # noqa: ARG002 - as above
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - as generated stubs pass it
    ) -> OutgoingMethod:
        """The callable that a stub keeps for a method."""
        descriptor = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
        return OutgoingMethod(
            self._target,
            method_of(descriptor),
            self._calls,
            is_retrying=self._is_retrying,
            tokens=self._tokens,
            metrics=self._metrics,
        )


class OutgoingMethod:
    """Calls one method. Raises mesh.errors, and CallRefused."""

    def __init__(
        self,
        target: str,
        method: Method,
        calls: CallTarget,
        *,
        is_retrying: bool,
        tokens: ServiceTokens,
        metrics: Metrics,
    ) -> None:
        self._target = target
        self._method = method
        self._calls = calls
        self._is_retrying = is_retrying
        self._tokens = tokens
        self._parse = method.response.FromString
        self._made = metrics.client_calls
        self._succeeded = metrics.client_calls.labels(target, method.name, "OK")

    async def __call__(self, request: Message, *, timeout: float | None = None) -> Message:  # noqa: ASYNC109 - as stubs call it
        """Send it, to end within `timeout` seconds (None: the method's default) and within the call in progress."""
        call = CURRENT_CALL.get()
        seconds = self._method.default_timeout if timeout is None else timeout
        if call is not None:
            seconds = min(seconds, call.deadline - asyncio.get_running_loop().time() - HOP_MARGIN_SECONDS)
            if seconds <= 0:
                raise deadline_exceeded()
        metadata = [("x-request-id", call.request_id if call else uuid.uuid4().hex)]
        user_token = self._user_token(call)
        if self._method.auth != policy.AUTH_LEVEL_NONE:
            token = self._tokens.token() if user_token is None else user_token
            if token:
                metadata.append(("authorization", f"Bearer {token}"))
        try:
            answer, _ = await self._calls.call(
                self._method.path,
                request.SerializeToString(),
                seconds=seconds,
                metadata=metadata,
                may_repeat=self._is_retrying and self._may_be_repeated(request),
            )
        except grpc.aio.AioRpcError as error:
            self._made.labels(self._target, self._method.name, error.code().name).inc()
            raise self._failure(error, is_own_token=user_token is None) from None
        except asyncio.CancelledError:
            self._made.labels(self._target, self._method.name, "CANCELLED").inc()
            raise
        self._succeeded.inc()
        return self._parse(answer)

    def _user_token(self, call: Call | None) -> str | None:
        """The token that goes along, "" for an anonymous caller; None when this service speaks for itself."""
        if call is None or call.caller.service or self._method.auth == policy.AUTH_LEVEL_SERVICE:
            return None
        return call.caller.token

    def _may_be_repeated(self, request: Message) -> bool:
        if self._method.is_read or not self._method.is_idempotent:
            return self._method.is_read
        # Creates are idempotent by their key alone.
        return getattr(request, "request_id", None) != ""

    def _failure(self, error: grpc.aio.AioRpcError, *, is_own_token: bool) -> Exception:
        code = error.code()
        details = dict(error.trailing_metadata() or ()).get(DETAILS_KEY)
        failure = from_status(code, details if isinstance(details, bytes) else None)
        if failure is None:
            failure = self._without_details(code)
        if is_own_token and isinstance(failure, Unauthenticated | PermissionDenied):
            return CallRefused(f"{self._method.path}: {failure.reason}")
        return failure

    def _without_details(self, code: grpc.StatusCode) -> MeshError:
        match code:
            case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
                return Unavailable.backend(f"the {self._target} service")
            case grpc.StatusCode.DEADLINE_EXCEEDED:
                return deadline_exceeded()
            case _:
                fields = {"target": self._target, "method": self._method.name, "code": code.name}
                logger.warning("a call failed for a reason that only a defect has", extra={"fields": fields})
                return internal()

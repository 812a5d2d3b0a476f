"""The gRPC server of one process: our chain around each method of the contract, health, reflection, limits."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import protovalidate
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from mesh.calls.answering import CallStreams
from mesh.clock import Clock
from mesh.env import PortTaken
from mesh.health import Health
from mesh.interceptors.access_log import log_call
from mesh.interceptors.deadline import keep_deadline
from mesh.interceptors.decode import decode
from mesh.interceptors.errors import Behaviour, answer_errors
from mesh.interceptors.identity import identify
from mesh.interceptors.incoming import Incoming, Step
from mesh.interceptors.metrics import measure
from mesh.interceptors.validation import validate
from mesh.method import BrokenContract, Method, methods_of
from mesh.metrics import Metrics
from mesh.reflection import reflection_handlers
from mesh.tokens import TokenVerifier

MOST_MESSAGE_BYTES = 1024 * 1024
MOST_METADATA_BYTES = 8 * 1024
GRACE_SECONDS = 10.0

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MOST_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MOST_MESSAGE_BYTES),
    # Both: between the two, the library refuses at random.
    ("grpc.max_metadata_size", MOST_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MOST_METADATA_BYTES),
    ("grpc.so_reuseport", 0),  # a port in use is a mistake to be told, not a port to be shared
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Clients ping every 10 s; the default of 5 min would send them away for it.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    # Clients find new replicas only when they connect anew: https://github.com/grpc/grpc/issues/12295
    ("grpc.max_connection_age_ms", 600_000),
    # The streams on it and their last calls end before: mesh.calls.answering.STREAM_LIFE, and the longest deadline.
    ("grpc.max_connection_age_grace_ms", 120_000),
)


class AnswerTooLarge(Exception):
    """An answer over MOST_MESSAGE_BYTES: a defect of the handler, which must bound what it gathers.

    Left to the library it would come out as RESOURCE_EXHAUSTED, as if the caller had asked too much, counted as OK.
    """


@dataclass(frozen=True, slots=True)
class Served:
    """A service of the contract, and the servicer that answers its methods."""

    descriptor: ServiceDescriptor
    servicer: object


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers. Its health says NOT_SERVING until it is told otherwise."""

    port: int
    health: Health


@asynccontextmanager
async def serve(
    served: Sequence[Served],
    *,
    listen: str,
    verifier: TokenVerifier,
    clock: Clock,
    metrics: Metrics,
    linger: timedelta = timedelta(),
) -> AsyncIterator[RunningServer]:
    """Answer the services' methods, health and reflection at `listen`; drain at the end, for 10 s at most.

    `linger` is for how long calls are still taken after health has said NOT_SERVING, so that clients turn elsewhere.
    Raises PortTaken, and BrokenContract for a method without policy or without an answer.
    """
    server = grpc.aio.server(options=OPTIONS)
    behaviours = _behaviours(served, verifier, clock, metrics)
    streams = CallStreams(behaviours)
    names = [each.descriptor.full_name for each in served]
    health = Health(names, on_leaving=streams.send_away)
    server.add_generic_rpc_handlers(
        (_Methods(behaviours), streams.handler(), health.handlers(), *reflection_handlers(names))
    )
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError as error:
        raise PortTaken("AVIARY_LISTEN", listen) from error
    await server.start()
    try:
        yield RunningServer(port, health)
    finally:
        health.close()
        await asyncio.sleep(linger.total_seconds())
        streams.close()
        await server.stop(GRACE_SECONDS)


def chain(
    method: Method,
    answer: Callable[[Any, object], Awaitable[Message]],
    *,
    verifier: TokenVerifier,
    validator: protovalidate.Validator,
    clock: Clock,
    metrics: Metrics,
) -> Behaviour:
    """The steps around one method of a servicer, put together once."""
    serialize = method.response.SerializeToString

    async def call_servicer(incoming: Incoming) -> bytes:
        body = serialize(await answer(incoming.request, incoming.context))
        if len(body) > MOST_MESSAGE_BYTES:
            raise AnswerTooLarge(f"{method.path}: {len(body)} bytes, {MOST_MESSAGE_BYTES} at most")
        return body

    step: Step = call_servicer
    step = validate(step, validator)
    step = identify(step, method, verifier)
    step = decode(step, method)
    step = keep_deadline(step, method)
    step = measure(step, method, metrics, clock)
    step = log_call(step, method, clock)
    return answer_errors(step, method)


def _behaviours(
    served: Sequence[Served], verifier: TokenVerifier, clock: Clock, metrics: Metrics
) -> dict[str, Behaviour]:
    validator = protovalidate.Validator()
    behaviours = {}
    for each in served:
        for method in methods_of(each.descriptor):
            answer = getattr(each.servicer, method.name, None)
            if not inspect.iscoroutinefunction(answer):  # the generated servicer's own methods are plain functions
                raise BrokenContract(f"{type(each.servicer).__name__} does not answer {method.path}")
            behaviours[method.path] = chain(
                method, answer, verifier=verifier, validator=validator, clock=clock, metrics=metrics
            )
    return behaviours


class _Methods(grpc.GenericRpcHandler):
    """Finds a method's behaviour. Bytes go in and out: decoding is a step of the chain."""

    def __init__(self, behaviours: Mapping[str, Behaviour]) -> None:
        self._handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]] = {
            path: grpc.unary_unary_rpc_method_handler(each) for path, each in behaviours.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        return self._handlers.get(handler_call_details.method)

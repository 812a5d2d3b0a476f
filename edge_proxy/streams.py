"""The server streams of an edge: how long each may last, which are open, and how they end with the edge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from edge_proxy.exchange import Exchange
from edge_proxy.headers import Metadata, RequestHeaders, timeout_seconds
from edge_proxy.http_errors import DetailForm, failure_answer, out_of_time
from edge_proxy.metrics import EdgeMetrics
from edge_proxy.relay import Client, Relay
from edge_proxy.route_table import Route
from edge_proxy.stream_forms import StreamForm, raw_form, stream_form
from edge_proxy.upstream import UpstreamMethod


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream that began and is over; `code` says how it ended."""

    messages: int
    code: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What is asked of which method."""

    upstream: UpstreamMethod
    message: bytes
    metadata: Metadata


class Streams:
    """Hands streams on. `longest` is the time of those whose contract names none."""

    def __init__(
        self, *, keep_alive: timedelta, longest: timedelta, metrics: EdgeMetrics, detail_form: DetailForm
    ) -> None:
        self._keep_alive = keep_alive.total_seconds()
        self._longest = longest.total_seconds()
        self._metrics = metrics
        self._detail_form = detail_form
        self._open: set[Relay] = set()
        self._is_draining = False

    async def hand_on(
        self, exchange: Exchange, route: Route, headers: RequestHeaders, asked: StreamRequest, client: Client
    ) -> Streamed:
        """One stream, to its end. What fails before it begins is raised, as by Relay.run."""
        form = _form(route, headers.text(b"accept"))
        longest = route.policy.stream_timeout or self._longest
        seconds = timeout_seconds(headers, default=longest, most=longest)
        if seconds <= 0:
            raise out_of_time()
        relay = Relay(
            call=asked.upstream.stream(asked.message, seconds=seconds, metadata=asked.metadata),
            parsed=route.rpc.response.FromString,
            form=form,
            client=client,
            headers=exchange.headers(),
            told=partial(
                failure_answer,
                service=exchange.service,
                request_id=exchange.request_id,
                detail_form=self._detail_form,
            ),
            keep_alive=self._keep_alive,
        )
        template = route.binding.template.text
        self._open.add(relay)
        if self._is_draining:
            relay.drain()
        self._metrics.streams_open.labels(template).inc()
        code = "CANCELLED"
        try:
            code = await relay.run(seconds)
        finally:
            self._open.discard(relay)
            self._metrics.streams_open.labels(template).dec()
            if relay.has_begun:
                self._metrics.streams.labels(template, code).inc()
                self._metrics.stream_messages.labels(template).inc(relay.messages)
        return Streamed(relay.messages, code)

    def drain(self) -> None:
        """The edge ends, and so do streams that begin from now on."""
        self._is_draining = True
        for relay in self._open:
            relay.drain()


def _form(route: Route, accept: str) -> StreamForm:
    if route.has_raw_response:
        return raw_form(route.raw_body)
    return stream_form(accept, route.form, route.rpc.output)

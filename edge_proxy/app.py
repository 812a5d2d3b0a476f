"""The edge as an ASGI application: one request in, one call, one answer out, or a stream of them.

headers and URL   their limits, a request id
route             404, 405, OPTIONS; /healthz and /readyz; /openapi.json and /docs
token             a bad one is 401 here; the service decides on the rest
body              counted while it is read
message           body, query and path (exchange.py)
call              deadline, metadata by allow-list, repeated where the contract allows
answer            JSON, the status of the policy, what the service adds to the headers
stream            in the form that the client takes (relay.py)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from typing import Any, TypeAlias

from edge_proxy.accept import best_type
from edge_proxy.authentication import check_token
from edge_proxy.cors import Cors
from edge_proxy.exchange import Exchange
from edge_proxy.headers import RequestHeaders, metadata_of, read_headers, request_id_of, timeout_seconds
from edge_proxy.http_errors import Answer, bare_status, failure_answer, out_of_time
from edge_proxy.metrics import NO_ROUTE, EdgeMetrics
from edge_proxy.pages import Pages
from edge_proxy.probes import Probes
from edge_proxy.refusals import MethodNotAllowed, NotAcceptable, TooLarge
from edge_proxy.relay import CUT, Client, Send
from edge_proxy.representation import cached, represented
from edge_proxy.request_body import ClientGone, Receive, RequestBody, check_encoding, check_json
from edge_proxy.request_decoder import HttpParts
from edge_proxy.route_table import Route, RouteTable
from edge_proxy.route_tree import ANY_METHOD
from edge_proxy.streams import Streamed, StreamRequest, Streams
from edge_proxy.upstream import UpstreamMethod
from mesh.caller import ANONYMOUS, CURRENT_CALL, Call
from mesh.clock import Clock
from mesh.tokens import TokenVerifier

Scope: TypeAlias = MutableMapping[str, Any]

SAFE = frozenset({"GET", "HEAD"})
# What a path answers to that takes any verb.
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
JSON = "application/json"
MOST_URL_BYTES = 8 * 1024
SLOW_SECONDS = 0.5
# How a stream may end without anybody having to know.
EXPECTED = frozenset({"OK", "CANCELLED"})

access_log = logging.getLogger("edge_proxy.access")


class EdgeApp:
    """Answers HTTP requests. `methods` has the upstream of each RPC by its path on the wire; no verifier, no check."""

    def __init__(
        self,
        routes: RouteTable,
        methods: Mapping[str, UpstreamMethod],
        *,
        probes: Probes,
        pages: Pages,
        streams: Streams,
        cors: Cors,
        verifier: TokenVerifier | None,
        metrics: EdgeMetrics,
        clock: Clock,
        body_time: timedelta,
        bare_errors: bool = False,
    ) -> None:
        self._routes = routes
        self._methods = methods
        self._probes = probes
        self._pages = pages
        self._streams = streams
        self._cors = cors
        self._verifier = verifier
        self._metrics = metrics
        self._clock = clock
        self._bare_errors = bare_errors
        self._body_seconds = body_time.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it over. Every answer has an X-Request-Id."""
        started = self._clock.monotonic()
        request_id = request_id_of(scope["headers"])
        CURRENT_CALL.set(Call(ANONYMOUS, request_id, 0.0))
        exchange, body = Exchange(request_id), RequestBody(receive, seconds=self._body_seconds)
        try:
            answer = await self._answer(scope, body, exchange, send)
        except ClientGone:
            answer = None
        except Exception as error:  # noqa: BLE001 - the outermost border: whatever went wrong, the client gets an answer
            answer = failure_answer(error, exchange.service, request_id, self._routes.detail_form)
        if isinstance(answer, Answer):
            answer = bare_status(answer) if self._bare_errors else answer
            answer = await represented(answer, exchange.asked, is_safe=scope["method"] in SAFE)
            await _send(answer, exchange.headers(), body, send)
        self._record(scope, answer, exchange, self._clock.monotonic() - started)

    def end_streams(self) -> None:
        """The process ends: streams do not wait for their own end."""
        self._streams.drain()

    async def _answer(self, scope: Scope, body: RequestBody, exchange: Exchange, send: Send) -> Answer | Streamed:
        raw_path: bytes = scope["raw_path"]
        query: bytes = scope["query_string"]
        if len(raw_path) + len(query) > MOST_URL_BYTES:
            raise TooLarge.url(MOST_URL_BYTES)
        headers = read_headers(scope["headers"], exchange.request_id)
        path = raw_path.decode("latin-1")
        method: str = scope["method"]
        exchange.asked = headers
        exchange.cors = self._cors.headers(headers.text(b"origin"))
        try:
            own = await self._own(method, path)
            if own is not None:
                return own
            route, segments = self._find(method, path, headers)
        except MethodNotAllowed as refused:
            if method != "OPTIONS":
                raise
            return self._options(refused, headers)
        exchange.route = route
        self._check(route, headers)
        content = await _content(route, headers, body)
        parts = HttpParts(segments, query, content, headers.text(b"content-type"))
        request, may_repeat = exchange.request(route, parts, headers)
        peer = scope["client"][0] if scope["client"] else ""
        metadata = metadata_of(headers, peer)
        upstream = self._methods[route.rpc.path]
        if route.rpc.gives_stream:
            client = Client(body, send, scope.get("extensions", {}).get(CUT), wants_head_alone=method == "HEAD")
            call = StreamRequest(upstream, request, metadata)
            return await self._streams.hand_on(exchange, route, headers, call, client)
        seconds = timeout_seconds(headers, default=route.policy.default_timeout, most=route.policy.max_timeout)
        if seconds <= 0:
            raise out_of_time()
        response, initial = await upstream.call(request, seconds=seconds, metadata=metadata, may_repeat=may_repeat)
        return cached(exchange.answer(route, response, initial), route.policy, is_safe=method in SAFE)

    def _find(self, method: str, path: str, headers: RequestHeaders) -> tuple[Route, list[str]]:
        """The route of a request; one that takes any verb is not asked by a browser whether a page may call it."""
        route, segments = self._routes.find(method, path)
        if method == "OPTIONS" and route.binding.verb == ANY_METHOD and _is_preflight(headers):
            raise MethodNotAllowed(METHODS)
        return route, segments

    def _options(self, refused: MethodNotAllowed, headers: RequestHeaders) -> Answer:
        """What a path answers to, and to pages of which origins."""
        allowed: list[tuple[bytes, bytes]] = [(b"allow", refused.allowed.encode())]
        if _is_preflight(headers):
            allowed += self._cors.preflight(headers.text(b"origin"), refused.allowed)
        return Answer(204, b"", tuple(allowed))

    async def _own(self, method: str, path: str) -> Answer | None:
        """The answer to a path of the edge's own; None for others. Raises MethodNotAllowed and Unavailable."""
        probe = await self._probes.answer(method, path)
        if probe is not None:
            return probe
        return self._pages.answer(method, path)

    def _check(self, route: Route, headers: RequestHeaders) -> None:
        """Raise Unauthenticated for a token that is not good, and NotAcceptable for who cannot read the answer."""
        if self._verifier is not None:
            authorization = headers.by_name.get(b"authorization")
            check_token(authorization, auth=route.policy.auth, method=route.rpc.name, verifier=self._verifier)
        is_json = not (route.has_raw_response or route.rpc.gives_stream)
        if is_json and not best_type(headers.text(b"accept"), (JSON,)):
            raise NotAcceptable((JSON,))

    def _record(self, scope: Scope, answer: Answer | Streamed | None, exchange: Exchange, seconds: float) -> None:
        method = scope["method"]
        template = exchange.route.binding.template.text if exchange.route is not None else NO_ROUTE
        status = answer.status if answer is not None else 499
        self._metrics.requests.labels(method, template, status).inc()
        if not isinstance(answer, Streamed):
            self._metrics.seconds.labels(method, template).observe(seconds)
        is_usual = answer.code in EXPECTED if isinstance(answer, Streamed) else status < 400 and seconds < SLOW_SECONDS
        level = logging.DEBUG if is_usual else logging.INFO
        if access_log.isEnabledFor(level):
            fields = {
                "method": method,
                "route": template,
                "status": status,
                "code": answer.code if answer is not None else "CANCELLED",
                "ms": round(seconds * 1000, 2),
                "peer": scope["client"][0] if scope["client"] else "",
            }
            if isinstance(answer, Streamed):
                fields["messages"] = answer.messages
            access_log.log(level, "http", extra={"fields": fields})


def _is_preflight(headers: RequestHeaders) -> bool:
    return bool(headers.text(b"origin") and headers.text(b"access-control-request-method"))


async def _content(route: Route, headers: RequestHeaders, body: RequestBody) -> bytes:
    """The body of a request whose route takes one. Raises UnsupportedContent, TooLarge and ClientGone."""
    if route.decoder.read_body is None:
        return b""
    check_encoding(headers.text(b"content-encoding"))
    if route.decoder.takes_json:
        check_json(headers.text(b"content-type"))
    return await body.read(headers.text(b"content-length"))


async def _send(answer: Answer, headers: list[tuple[bytes, bytes]], body: RequestBody, send: Send) -> None:
    headers += answer.headers
    if answer.status not in {204, 304}:
        headers += [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    # The rest of a body that is too large, or too late, is not worth a connection.
    is_last = answer.status in {408, 413}
    if is_last:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": is_last})
    if is_last:
        await body.drain()
        await send({"type": "http.response.body", "body": b""})

"""The edge as an ASGI application: one request in, one unary call, one answer out.

headers and URL   their limits, a request id
route             404, 405, OPTIONS; /healthz and /readyz; /openapi.json and /docs
token             a bad one is 401 here; the service decides on the rest
body              counted while it is read
message           body, query and path (exchange.py)
call              deadline, metadata by allow-list, repeated where the contract allows
answer            JSON, the status of the policy, what the service adds to the headers
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

import grpc

from edge_proxy.authentication import check_token
from edge_proxy.exchange import Exchange
from edge_proxy.headers import metadata_of, read_headers, request_id_of, timeout_seconds
from edge_proxy.http_errors import Answer, bare_status, error_answer, internal_answer, out_of_time, rpc_error_answer
from edge_proxy.metrics import NO_ROUTE, EdgeMetrics
from edge_proxy.pages import Pages
from edge_proxy.probes import Probes
from edge_proxy.refusals import MethodNotAllowed, TooLarge
from edge_proxy.request_body import ClientGone, Receive, RequestBody, check_encoding, check_json
from edge_proxy.request_decoder import HttpParts
from edge_proxy.route_table import RouteTable
from edge_proxy.upstream import UpstreamMethod
from mesh.caller import ANONYMOUS, CURRENT_CALL, Call
from mesh.clock import Clock
from mesh.errors import MeshError
from mesh.tokens import TokenVerifier

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_URL_BYTES = 8 * 1024
SLOW_SECONDS = 0.5

access_log = logging.getLogger("edge_proxy.access")
logger = logging.getLogger(__name__)


class EdgeApp:
    """Answers HTTP requests. `methods` has the upstream of each RPC by its path on the wire; no verifier, no check."""

    def __init__(
        self,
        routes: RouteTable,
        methods: Mapping[str, UpstreamMethod],
        *,
        probes: Probes,
        pages: Pages,
        verifier: TokenVerifier | None,
        metrics: EdgeMetrics,
        clock: Clock,
        bare_errors: bool = False,
    ) -> None:
        self._routes = routes
        self._methods = methods
        self._probes = probes
        self._pages = pages
        self._verifier = verifier
        self._metrics = metrics
        self._clock = clock
        self._bare_errors = bare_errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it over. Every answer has an X-Request-Id."""
        started = self._clock.monotonic()
        request_id = request_id_of(scope["headers"])
        CURRENT_CALL.set(Call(ANONYMOUS, request_id, 0.0))
        exchange, body = Exchange(request_id), RequestBody(receive)
        try:
            answer = await self._answer(scope, body, exchange)
        except ClientGone:
            answer = None
        except MeshError as error:
            answer = error_answer(error, request_id)
        except grpc.aio.AioRpcError as error:
            answer = rpc_error_answer(error, exchange.service, request_id, self._routes.detail_form)
        except Exception:
            # The outermost border: whatever went wrong, the client gets an answer, and the log the rest.
            logger.exception("a request failed")
            answer = internal_answer(request_id)
        if answer is not None:
            answer = bare_status(answer) if self._bare_errors else answer
            await _send(answer, exchange.headers(), body, send)
        self._record(scope, answer, exchange, self._clock.monotonic() - started)

    async def _answer(self, scope: Scope, body: RequestBody, exchange: Exchange) -> Answer:
        raw_path: bytes = scope["raw_path"]
        query: bytes = scope["query_string"]
        if len(raw_path) + len(query) > MOST_URL_BYTES:
            raise TooLarge.url(MOST_URL_BYTES)
        headers = read_headers(scope["headers"], exchange.request_id)
        path = raw_path.decode("latin-1")
        method: str = scope["method"]
        try:
            probe = await self._probes.answer(method, path)
            if probe is not None:
                return probe
            page = self._pages.answer(method, path, headers.text(b"if-none-match"))
            if page is not None:
                return page
            route, segments = self._routes.find(method, path)
        except MethodNotAllowed as refused:
            if method != "OPTIONS":
                raise
            return Answer(204, b"", ((b"allow", refused.allowed.encode()),))
        exchange.route = route
        if self._verifier is not None:
            authorization = headers.by_name.get(b"authorization")
            check_token(authorization, auth=route.policy.auth, method=route.rpc.name, verifier=self._verifier)
        content = b""
        if route.decoder.read_body is not None:
            check_encoding(headers.text(b"content-encoding"))
            if route.decoder.takes_json:
                check_json(headers.text(b"content-type"))
            content = await body.read(headers.text(b"content-length"))
        parts = HttpParts(segments, query, content, headers.text(b"content-type"))
        request, may_repeat = exchange.request(route, parts, headers)
        peer = scope["client"][0] if scope["client"] else ""
        metadata = metadata_of(headers, peer)
        seconds = timeout_seconds(headers, default=route.policy.default_timeout, most=route.policy.max_timeout)
        if seconds <= 0:
            raise out_of_time()
        response, initial = await self._methods[route.rpc.path].call(
            request, seconds=seconds, metadata=metadata, may_repeat=may_repeat
        )
        return exchange.answer(route, response, initial)

    def _record(self, scope: Scope, answer: Answer | None, exchange: Exchange, seconds: float) -> None:
        method = scope["method"]
        template = exchange.route.binding.template.text if exchange.route is not None else NO_ROUTE
        status = answer.status if answer is not None else 499
        self._metrics.requests.labels(method, template, status).inc()
        self._metrics.seconds.labels(method, template).observe(seconds)
        level = logging.DEBUG if status < 400 and seconds < SLOW_SECONDS else logging.INFO
        if access_log.isEnabledFor(level):
            fields = {
                "method": method,
                "route": template,
                "status": status,
                "code": answer.code if answer is not None else "CANCELLED",
                "ms": round(seconds * 1000, 2),
                "peer": scope["client"][0] if scope["client"] else "",
            }
            access_log.log(level, "http", extra={"fields": fields})


async def _send(answer: Answer, headers: list[tuple[bytes, bytes]], body: RequestBody, send: Send) -> None:
    headers += answer.headers
    if answer.status not in {204, 304}:
        headers += [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    # The rest of a body that is too large is not worth a connection.
    is_last = answer.status == 413
    if is_last:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": is_last})
    if is_last:
        await body.drain()
        await send({"type": "http.response.body", "body": b""})

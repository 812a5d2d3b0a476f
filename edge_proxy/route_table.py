"""The routes of every service that has an upstream, built from its contract once, at start."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from google.api import http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge_proxy.descriptor_set import BrokenDescriptors, Contracts, Policy, Rpc
from edge_proxy.fields import BadField, UnknownField, is_a, is_message, resolve
from edge_proxy.json_forms import Form
from edge_proxy.json_messages import MessageReaders
from edge_proxy.path_template import PathTemplate, parse_template
from edge_proxy.query_params import Parameter, Parameters
from edge_proxy.refusals import MethodNotAllowed, RouteNotFound
from edge_proxy.request_decoder import HTTP_BODY, WHOLE_BODY, RequestDecoder, check_escapes, request_decoder
from edge_proxy.response_encoder import ResponseEncoder
from edge_proxy.route_tree import ANY_METHOD, NoSuchPath, RouteTree, WrongMethod
from edge_proxy.update_mask import mask_filler
from mesh.errors import InvalidArgument

logger = logging.getLogger(__name__)

# The field of a request that Last-Event-ID goes into.
POSITION_FIELD = "since_id"
_VERBS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Binding:
    """One HttpRule: a method, a template, and where the bodies are."""

    verb: str
    template: PathTemplate
    body: str
    response_body: str
    is_alias: bool


@dataclass(frozen=True, slots=True)
class Route:
    """A binding ready to serve. `canonical` are the templates of an RPC's own bindings, for the links of aliases.

    `position` is the field of a stream's request that says where to go on.
    """

    rpc: Rpc
    policy: Policy
    binding: Binding
    decoder: RequestDecoder
    form: Form
    has_raw_response: bool
    takes_key: bool
    position: Parameter | None
    canonical: tuple[PathTemplate, ...]

    def raw_body(self, response: Any) -> Any:  # noqa: ANN401 - a message made at run time
        """The google.api.HttpBody of a response, where `has_raw_response`."""
        return getattr(response, self.binding.response_body) if self.binding.response_body else response


class RouteTable:
    """All routes. Raises BrokenDescriptors with every contract that cannot be served."""

    def __init__(self, contracts: Contracts, services: Collection[str], *, with_aliases: bool) -> None:
        self._tree: RouteTree[Route] = RouteTree()
        self._encoder = ResponseEncoder(contracts.pool)
        self._strict = MessageReaders(contracts.pool, ignores_unknown=False)
        self._lenient = MessageReaders(contracts.pool, ignores_unknown=True)
        self.routes: list[Route] = []
        # Errors may hold details of types that only the contracts know.
        self.detail_form = self._encoder.of_any()
        mistakes: list[str] = []
        for rpc in (rpc for service in services for rpc in contracts.services[service]):
            if rpc.takes_stream:
                if rpc.rule.WhichOneof("pattern"):
                    logger.warning(
                        "a stream of requests is not served over HTTP", extra={"fields": {"method": rpc.full_name}}
                    )
                continue
            try:
                self._add(rpc, with_aliases=with_aliases)
            except ValueError as error:
                mistakes.append(f"{rpc.full_name}: {error}")
        if mistakes:
            raise BrokenDescriptors(mistakes)

    def find(self, method: str, raw_path: str) -> tuple[Route, list[str]]:
        """The route of a request, and the segments of its path. A HEAD finds the GET beside it.

        Raises RouteNotFound and MethodNotAllowed, and InvalidArgument for a path with broken escapes.
        """
        try:
            return self._tree.find(method, raw_path)
        except NoSuchPath:
            _check_escapes(raw_path)
            raise RouteNotFound("ROUTE_NOT_FOUND", "there is nothing at this path") from None
        except WrongMethod as wrong:
            if method == "HEAD" and "GET" in wrong.allowed:
                return self._tree.find("GET", raw_path)
            raise MethodNotAllowed(wrong.allowed) from None

    def _add(self, rpc: Rpc, *, with_aliases: bool) -> None:
        policy = rpc.policy or Policy()
        own = list(_bindings(rpc.rule, is_alias=False))
        aliases = [each for rule in policy.aliases for each in _bindings(rule, is_alias=True)]
        canonical = tuple(binding.template for binding in own)
        for binding in own + aliases if with_aliases else own:
            route = self._route(rpc, policy, binding, canonical)
            self._tree.add(binding.template, binding.verb, route)
            self.routes.append(route)

    def _route(self, rpc: Rpc, policy: Policy, binding: Binding, canonical: tuple[PathTemplate, ...]) -> Route:
        request, response = rpc.input, rpc.output
        _check(request, binding)
        in_path = frozenset(variable.fields for variable in binding.template.variables)
        mask = mask_filler(request, binding.body, binding.verb, is_alias=binding.is_alias, in_path=in_path)
        readers = self._lenient if binding.is_alias else self._strict
        form, has_raw_response = self._encoder.of(response), response.full_name == HTTP_BODY
        if binding.response_body:
            field = response.fields_by_name.get(binding.response_body)
            if field is None:
                raise ValueError(f"{response.full_name} has no field {binding.response_body!r} (response_body)")
            form, has_raw_response = self._encoder.of_field(field), is_a(field, HTTP_BODY)
        key = request.fields_by_name.get("request_id")
        return Route(
            rpc=rpc,
            policy=policy,
            binding=binding,
            decoder=request_decoder(rpc, binding.template, binding.body, readers, mask),
            form=form,
            has_raw_response=has_raw_response,
            takes_key=key is not None and key.type == FieldDescriptor.TYPE_STRING and not key.is_repeated,
            position=_position(request) if rpc.gives_stream else None,
            canonical=canonical,
        )


def _check_escapes(raw_path: str) -> None:
    try:
        check_escapes(raw_path)
    except BadField as bad:
        raise InvalidArgument("TRANSCODING_FAILED", bad.description) from None


def _position(request: Descriptor) -> Parameter | None:
    field = request.fields_by_name.get(POSITION_FIELD)
    if field is None or field.is_repeated or is_message(field):
        return None
    return Parameters(request).named(POSITION_FIELD)


def _bindings(rule: http_pb2.HttpRule, *, is_alias: bool) -> Iterator[Binding]:
    if not rule.WhichOneof("pattern"):
        return
    yield _binding(rule, is_alias=is_alias)
    for additional in rule.additional_bindings:
        if additional.additional_bindings:
            raise ValueError("additional_bindings may not stand inside additional_bindings")
        yield _binding(additional, is_alias=is_alias)


def _binding(rule: http_pb2.HttpRule, *, is_alias: bool) -> Binding:
    pattern = rule.WhichOneof("pattern")
    verb, path = (
        (pattern.upper(), getattr(rule, pattern)) if pattern in _VERBS else (rule.custom.kind, rule.custom.path)
    )
    if rule.body and verb in {"GET", "HEAD", "DELETE"}:
        raise ValueError(f"{verb} {path} must not have a body")
    return Binding(verb or ANY_METHOD, parse_template(path), rule.body, rule.response_body, is_alias)


def _check(request: Descriptor, binding: Binding) -> None:
    for variable in binding.template.variables:
        name = ".".join(variable.fields)
        try:
            last = resolve(request, variable.fields)[-1]
        except UnknownField:
            raise ValueError(f"{binding.template.text} binds {name}, which {request.full_name} has not") from None
        if last.is_repeated or is_message(last):
            raise ValueError(f"{binding.template.text} binds {name}, which is no single value")
    if binding.body not in {"", WHOLE_BODY} and binding.body not in request.fields_by_name:
        raise ValueError(f"{binding.template.text} takes the body {binding.body!r}, which {request.full_name} has not")

"""One HTTP request to one request message: body, then query, then path; each field is given in one place only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from edge_proxy.descriptor_set import Rpc
from edge_proxy.fields import BadField, is_a, is_message, names_of, shown
from edge_proxy.json_messages import MessageReaders
from edge_proxy.json_text import parse_json
from edge_proxy.path_template import PathTemplate, Variable, unescaped
from edge_proxy.query_params import Parameter, Parameters, Seen, is_set, parse_query
from edge_proxy.update_mask import MaskFiller

HTTP_BODY = "google.api.HttpBody"
WHOLE_BODY = "*"

# Reads a body into the request and hands back its tree, None when it has none.
_ReadBody: TypeAlias = Callable[[Any, bytes, str], Any]


@dataclass(frozen=True, slots=True)
class HttpParts:
    """What of an HTTP request makes the message; `segments` are those of its path, still escaped."""

    segments: Sequence[str]
    query: bytes
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class PathVariable:
    """A variable of the template, the field it sets, and the names by which the body would reach it (None: not)."""

    variable: Variable
    parameter: Parameter
    in_body: tuple[frozenset[str], ...] | None


@dataclass(frozen=True, slots=True)
class RequestDecoder:
    """Makes the messages of one route. `body_field` is "" for none, "*" for the whole message, or a field's name."""

    request: type[Message]
    body_field: str
    takes_json: bool
    variables: tuple[PathVariable, ...]
    parameters: Parameters
    read_body: _ReadBody | None
    fill_mask: MaskFiller | None = field(default=None)

    def decode(self, parts: HttpParts) -> Message:
        """The message. Raises BadField."""
        message = self.request()
        tree = self.read_body(message, parts.body, parts.content_type) if self.read_body is not None else None
        seen: Seen = {}
        if parts.query:
            self._bind_query(message, parts.query, seen)
        for each in self.variables:
            self._bind_path(message, each, parts.segments, tree, seen)
        check_escapes("/".join(parts.segments))
        if self.fill_mask is not None:
            self.fill_mask(message, tree)
        return message

    def _bind_query(self, message: Message, query: bytes, seen: Seen) -> None:
        for name, text in parse_query(query):
            if self.body_field == WHOLE_BODY:
                raise BadField("must be in the body; this request takes no query string", shown(name))
            parameter = self.parameters.named(name)
            if parameter.chain[0].name == self.body_field:
                raise BadField("must be in the body", *parameter.where)
            parameter.bind(message, text, seen)

    def _bind_path(
        self,
        message: Message,
        bound: PathVariable,
        segments: Sequence[str],
        tree: Any,  # noqa: ANN401 - JSON
        seen: Seen,
    ) -> None:
        parameter = bound.parameter
        try:
            text = bound.variable.value(segments)
        except ValueError as error:
            raise BadField(str(error), *parameter.where) from None
        is_given = is_set(parameter.chain, seen) or (bound.in_body is not None and _holds(tree, bound.in_body))
        before = _value(message, parameter.chain) if is_given and not parameter.is_output_only else None
        parameter.set(message, text)
        if before is not None and _value(message, parameter.chain) != before:
            raise BadField("is not what the path says", *parameter.where)


def check_escapes(raw_path: str) -> None:
    """Raise BadField for a path that cannot be decoded, be its segments bound or not."""
    try:
        unescaped(raw_path.encode())
    except ValueError as error:
        raise BadField(f"the path {error}") from None


def request_decoder(
    rpc: Rpc, template: PathTemplate, body_field: str, readers: MessageReaders, mask: MaskFiller | None
) -> RequestDecoder:
    """The decoder of a route whose template and body field are known to exist."""
    parameters = Parameters(rpc.input)
    variables = []
    for variable in template.variables:
        parameter = parameters.named(".".join(variable.fields))
        names = tuple(names_of(each) for each in parameter.chain)
        in_body: tuple[frozenset[str], ...] | None = None
        if body_field == WHOLE_BODY:
            in_body = names
        elif body_field and parameter.chain[0].name == body_field:
            in_body = names[1:]
        variables.append(PathVariable(variable, parameter, in_body))
    read_body, takes_json = _body_reader(rpc.input, body_field, readers)
    return RequestDecoder(rpc.request, body_field, takes_json, tuple(variables), parameters, read_body, mask)


def _body_reader(request: Descriptor, body_field: str, readers: MessageReaders) -> tuple[_ReadBody | None, bool]:
    if not body_field:
        return None, False
    if body_field == WHOLE_BODY:
        if request.full_name == HTTP_BODY:
            return _raw_body(lambda message: message), False
        return _whole_body(readers.of(request)), True
    descriptor = request.fields_by_name[body_field]
    if is_a(descriptor, HTTP_BODY):
        return _raw_body(lambda message: getattr(message, body_field)), False
    return _field_body(descriptor, readers.of_field(descriptor)), True


def _whole_body(read: Callable[[Any, Any, int], None]) -> _ReadBody:
    def read_body(message: Any, body: bytes, _content_type: str) -> Any:  # noqa: ANN401 - JSON, and a message
        tree = parse_json(body) if body else {}
        if type(tree) is not dict:
            raise BadField("the body must be a JSON object")
        read(message, tree, 0)
        return tree

    return read_body


def _field_body(descriptor: FieldDescriptor, read: Callable[[Any, Any], None]) -> _ReadBody:
    def read_body(message: Any, body: bytes, _content_type: str) -> Any:  # noqa: ANN401 - JSON, and a message
        if body:
            tree = parse_json(body)
            read(message, tree)
            return tree
        if is_message(descriptor) and not descriptor.is_repeated:
            getattr(message, descriptor.name).SetInParent()
        return None

    return read_body


def _raw_body(holder: Callable[[Any], Any]) -> _ReadBody:
    def read_body(message: Any, body: bytes, content_type: str) -> Any:  # noqa: ANN401 - JSON, and a message
        target = holder(message)
        target.content_type = content_type
        target.data = body

    return read_body


def _holds(tree: Any, path: Sequence[frozenset[str]]) -> bool:  # noqa: ANN401 - JSON
    """Whether the tree gives a value at the path, under any of the names."""
    for names in path:
        if type(tree) is not dict:
            # A Timestamp or a wrapper is given whole.
            return tree is not None
        tree = next((value for key, value in tree.items() if key in names), None)
    return tree is not None


def _value(message: Any, chain: Sequence[FieldDescriptor]) -> Any:  # noqa: ANN401 - messages made at run time
    for each in chain:
        message = getattr(message, each.name)
    return message

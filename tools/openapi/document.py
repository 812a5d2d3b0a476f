"""The document: every route of the edge as an operation, but for aliases, which are for clients that know them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from google.protobuf.descriptor import Descriptor

from edge_proxy.descriptor_set import Contracts, Policy, Rpc
from edge_proxy.http_errors import HTTP_STATUS
from edge_proxy.request_decoder import WHOLE_BODY
from edge_proxy.route_table import Route, RouteTable
from edge_proxy.route_tree import ANY_METHOD
from tools.openapi.constraints import Schema
from tools.openapi.parameters import path_of, query_of
from tools.openapi.schemas import Schemas

# What a path item of OpenAPI 3.1 has a place for.
_VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE")
_ANY = ("GET", "PUT", "POST", "DELETE", "PATCH")
_VARIABLE = re.compile(r"\{[^{}]*\}")
_RAW: Schema = {"*/*": {"schema": {}}}
_KEY = "IdempotencyKey"
_ERROR: Schema = {
    "type": "object",
    "description": "A failure (AIP-193).",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer", "format": "int32", "description": "The HTTP status."},
                "message": {"type": "string", "description": "For developers, in English."},
                "status": {"type": "string", "enum": sorted(HTTP_STATUS), "description": "The gRPC code."},
                "details": {
                    "type": "array",
                    "description": "Of google.rpc (error_details.proto): an ErrorInfo whose `reason` programs may"
                    " rely on, a RequestInfo, and a BadRequest that names the fields of a request that is refused.",
                    "items": {
                        "type": "object",
                        "properties": {"@type": {"type": "string"}},
                        "required": ["@type"],
                        "additionalProperties": True,
                    },
                },
            },
            "required": ["code", "message", "status", "details"],
        }
    },
    "required": ["error"],
}


class Untellable(Exception):
    """Routes that OpenAPI cannot tell apart."""


def document(contracts: Contracts, comments: Mapping[str, str], *, title: str, version: str) -> Schema:
    """The OpenAPI document of all services. Raises BrokenDescriptors as the edge does, and Untellable."""
    made = _Document(comments)
    table = RouteTable(contracts, list(contracts.services), with_aliases=False)
    # One that takes any verb takes what is left.
    routes = [route for route in table.routes if not route.rpc.gives_stream]
    for route in sorted(routes, key=lambda route: route.binding.verb == ANY_METHOD):
        made.add(route)
    tags = {route.rpc.service for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        # Relative to where the document was read, so that it holds behind any path.
        "servers": [{"url": "."}],
        "tags": [{"name": name, **_described(comments.get(name, ""))} for name in contracts.services if name in tags],
        "paths": {path: made.paths[path] for path in sorted(made.paths)},
        "components": made.components(),
    }


def written(document: Schema) -> str:
    """The document as a file has it: the same for the same contract."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


class _Document:
    def __init__(self, comments: Mapping[str, str]) -> None:
        self.paths: dict[str, Schema] = {}
        self._comments = comments
        self._schemas = Schemas(comments)
        self._by_shape: dict[str, str] = {}
        self._ids: set[str] = set()
        self._takes_keys = False

    def add(self, route: Route) -> None:
        """The route as one operation, or as several when it takes any verb."""
        path, in_path = path_of(route.rpc.input, route.binding.template, self._schemas)
        # Paths that differ in the names of their variables alone are one path to OpenAPI.
        path = self._by_shape.setdefault(_VARIABLE.sub("{}", path), path)
        for parameter, name in zip(in_path, _VARIABLE.findall(path), strict=True):
            parameter["name"] = name[1:-1]
        item = self.paths.setdefault(path, {})
        for verb in _verbs(route):
            if verb.lower() not in item:
                item[verb.lower()] = self._operation(route, in_path)
            elif route.binding.verb != ANY_METHOD:
                raise Untellable(f"{verb} {path} stands for {route.rpc.full_name} and for another method")

    def components(self) -> Schema:
        """What operations refer to."""
        shared: Schema = {
            "schemas": {name: self._schemas.components[name] for name in sorted(self._schemas.components)}
            | {"Error": _ERROR},
            "responses": {
                "Error": {
                    "description": "The request failed.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        }
        if self._takes_keys:
            shared["parameters"] = {
                _KEY: {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "Makes the request safe to repeat: the same key is answered as it was first.",
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
                }
            }
        return shared

    def _operation(self, route: Route, in_path: list[Schema]) -> Schema:
        rpc, binding = route.rpc, route.binding
        parameters = in_path + query_of(rpc.input, binding, self._schemas)
        if route.takes_key:
            self._takes_keys = True
            parameters.append({"$ref": f"#/components/parameters/{_KEY}"})
        operation: Schema = {"tags": [rpc.service], "operationId": self._operation_id(rpc)}
        operation |= _told(self._comments.get(rpc.full_name, ""))
        if rpc.is_deprecated:
            operation["deprecated"] = True
        if parameters:
            operation["parameters"] = parameters
        if binding.body:
            operation["requestBody"] = self._body(route)
        operation["responses"] = {
            str(route.policy.success_status): self._success(route),
            "default": {"$ref": "#/components/responses/Error"},
        }
        operation["security"] = _security(route.policy)
        return operation

    def _operation_id(self, rpc: Rpc) -> str:
        """The method's full name; its other bindings are numbered."""
        name, number = rpc.full_name, 1
        while name in self._ids:
            number += 1
            name = f"{rpc.full_name}_{number}"
        self._ids.add(name)
        return name

    def _body(self, route: Route) -> Schema:
        if not route.decoder.takes_json:
            return {"content": _RAW}
        request, binding = route.rpc.input, route.binding
        required: object
        if binding.body == WHOLE_BODY:
            without = {variable.fields[0] for variable in binding.template.variables if len(variable.fields) == 1}
            inline = self._schemas.inline(request, without=without)
            schema = inline if without else self._schemas.of(request)
            required = inline.get("required")
        else:
            field = request.fields_by_name[binding.body]
            schema = self._schemas.of_field(field)
            required = field.message_type is None or self._requires(field.message_type)
        return {"content": {"application/json": {"schema": schema}}, **({"required": True} if required else {})}

    def _requires(self, message: Descriptor) -> bool:
        return "required" in self._schemas.inline(message)

    def _success(self, route: Route) -> Schema:
        rpc, field = route.rpc, route.binding.response_body
        description = self._comments.get(rpc.output.full_name, "Success.")
        if route.policy.success_status == 204:
            return {"description": description}
        if route.has_raw_response:
            return {"description": description, "content": _RAW}
        schema = self._schemas.of_field(rpc.output.fields_by_name[field]) if field else self._schemas.of(rpc.output)
        return {"description": description, "content": {"application/json": {"schema": schema}}}


def _verbs(route: Route) -> Iterator[str]:
    verbs = _ANY if route.binding.verb == ANY_METHOD else (route.binding.verb,)
    return (verb for verb in verbs if verb in _VERBS)


def _security(policy: Policy) -> list[Schema]:
    needed: list[Schema] = [{"bearer": list(policy.scopes)}]
    match policy.auth:
        case "NONE":
            return []
        case "OPTIONAL":
            return [{}, *needed]
        case _:
            return needed


def _told(comment: str) -> Schema:
    """A comment as its first sentence, and whole where there is more."""
    if not comment:
        return {}
    text = " ".join(comment.partition("\n\n")[0].split())
    first = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    more = _described(comment) if first != " ".join(comment.split()) else {}
    return {"summary": first.removesuffix("."), **more}


def _described(comment: str) -> Schema:
    return {"description": comment} if comment else {}

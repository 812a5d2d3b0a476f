"""What of a request stands in its URL: the path as OpenAPI writes it, and the parameters of path and query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge_proxy.fields import BadField, held_by, is_message, is_output_only, resolve
from edge_proxy.path_template import PathTemplate, Variable
from edge_proxy.query_params import Parameters
from edge_proxy.request_decoder import WHOLE_BODY
from edge_proxy.route_table import Binding
from tools.openapi.constraints import Schema
from tools.openapi.schemas import Schemas, is_required

Chain: TypeAlias = tuple[FieldDescriptor, ...]


def path_of(request: Descriptor, template: PathTemplate, schemas: Schemas) -> tuple[str, list[Schema]]:
    """The path with its wildcards named, and a parameter for each.

    A variable of several segments has one for each of its wildcards, numbered; OpenAPI has no slash inside a value.
    """
    segments = list(template.segments)
    parameters: list[Schema] = []
    bound: set[int] = set()
    for variable in template.variables:
        chain = resolve(request, variable.fields)
        wild = [at for at in _span(template, variable) if segments[at] in {"*", "**"}]
        bound |= set(wild)
        for number, at in enumerate(wild, start=1):
            name = dotted(chain) + (f"_{number}" if len(wild) > 1 else "")
            schema = schemas.bare(chain[-1]) if variable.is_single else {"type": "string"}
            told = schemas.comments.get(chain[-1].full_name, "")
            parameters.append(_parameter(name, "path", schema, told, required=True))
            segments[at] = f"{{{name}}}"
    for at, segment in enumerate(template.segments):
        if segment in {"*", "**"} and at not in bound:
            parameters.append(_parameter(f"segment_{at + 1}", "path", {"type": "string"}, "", required=True))
            segments[at] = f"{{segment_{at + 1}}}"
    return "/" + "/".join(segments) + (f":{template.verb}" if template.verb else ""), parameters


def query_of(request: Descriptor, binding: Binding, schemas: Schemas) -> list[Schema]:
    """The parameters of the query string: what is in neither the path nor the body, and fits into a URL."""
    if binding.body == WHOLE_BODY:
        return []
    in_path = {dotted(resolve(request, variable.fields)) for variable in binding.template.variables}
    return [
        _parameter(
            dotted(chain),
            "query",
            schemas.bare(chain[-1]),
            schemas.comments.get(chain[-1].full_name, ""),
            required=all(is_required(field) for field in chain),
        )
        for chain in _leaves(request, (), Parameters(request))
        if dotted(chain) not in in_path and chain[0].name != binding.body
    ]


def dotted(chain: Sequence[FieldDescriptor]) -> str:
    """A field as clients name it."""
    return ".".join(field.json_name for field in chain)


def _leaves(message: Descriptor, above: Chain, known: Parameters) -> Iterator[Chain]:
    """The fields that the edge takes from a URL, those of nested messages too; a type that holds itself once."""
    for field in message.fields:
        chain = (*above, field)
        if is_output_only(field):
            continue
        if _fits(chain, known):
            yield chain
        elif is_message(field) and not field.is_repeated and not _holds_itself(chain):
            yield from _leaves(held_by(field), chain, known)


def _holds_itself(chain: Chain) -> bool:
    return held_by(chain[-1]) in {field.containing_type for field in chain}


def _fits(chain: Chain, known: Parameters) -> bool:
    try:
        known.named(dotted(chain))
    except BadField:
        return False
    return True


def _span(template: PathTemplate, variable: Variable) -> range:
    count = len(template.segments)
    start = variable.start if variable.start >= 0 else count + variable.start
    end = count if variable.end is None else variable.end
    return range(start, end if end > 0 else count + end)


def _parameter(name: str, where: str, schema: Schema, description: str, *, required: bool) -> Schema:
    parameter: Schema = {"name": name, "in": where}
    if description:
        parameter["description"] = description
    if required:
        parameter["required"] = True
    return parameter | {"schema": schema}

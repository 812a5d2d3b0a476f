"""The OpenAPI document says what the edge does, for our contracts and for one that it has never seen."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from openapi_spec_validator import OpenAPIV31SpecValidator

from edge_proxy.descriptor_set import Contracts, load_descriptor_set
from edge_proxy.fields import BadField, is_output_only
from edge_proxy.request_decoder import HttpParts
from edge_proxy.route_table import Route, RouteTable
from tests.support.compiled import ROOT, compile_protos
from tools.openapi.comments import comments_of
from tools.openapi.document import Untellable, document, written

GENERATED = ROOT / "generated"
LIBRARY = ROOT / "tests" / "services" / "edge_proxy"
ANY_VERB = ("GET", "PUT", "POST", "DELETE", "PATCH")
VARIABLE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Told:
    """A contract, the edge's own routes for it, and the document."""

    contracts: Contracts
    routes: RouteTable
    document: Any

    def operations(self) -> Iterator[tuple[str, str, Any]]:
        """Verb, path and operation."""
        for path, item in self.document["paths"].items():
            for verb, operation in item.items():
                yield verb.upper(), path, operation

    def parameters(self, operation: Any) -> list[Any]:
        """Those of an operation, with what they refer to."""
        return [self.resolved(parameter) for parameter in operation.get("parameters", ())]

    def resolved(self, part: Any) -> Any:
        target = part
        while "$ref" in target:
            target = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
        return target

    def route_of(self, verb: str, path: str, operation: Any) -> tuple[Route, list[str]]:
        """What the edge would do with a request made after the operation."""
        examples = {each["name"]: self.example(each["schema"]) for each in self.parameters(operation)}
        return self.routes.find(verb, VARIABLE.sub(lambda variable: examples[variable[0][1:-1]], path))

    def example(self, schema: Any) -> str:
        """A value of a parameter as a URL has it."""
        schema = self.resolved(schema)
        if "enum" in schema:
            return str(schema["enum"][-1])
        match schema.get("type"):
            case "array":
                return self.example(schema["items"])
            case "boolean":
                return "true"
            case "integer":
                return "5"
        return {"int64": "5", "date-time": "2026-01-31T12:00:00Z"}.get(schema.get("format", ""), "a")


def told(files: FileDescriptorSet) -> Told:
    contracts = load_descriptor_set(files)
    made = document(contracts, comments_of(files), title="Made", version="v1")
    return Told(contracts, RouteTable(contracts, list(contracts.services), with_aliases=False), made)


@pytest.fixture(scope="module")
def ours() -> Told:
    return told(FileDescriptorSet.FromString((GENERATED / "descriptors.binpb").read_bytes()))


@pytest.fixture(scope="module")
def library() -> Told:
    return told(compile_protos(LIBRARY, "library.proto"))


@pytest.fixture(params=["ours", "library"])
def any_of(request: pytest.FixtureRequest) -> Told:
    found: Told = request.getfixturevalue(request.param)
    return found


def test_the_document_is_valid(any_of: Told) -> None:
    assert list(OpenAPIV31SpecValidator(any_of.document).iter_errors()) == []


def test_the_committed_document_is_that_of_the_contracts(ours: Told) -> None:
    made = {**ours.document, "info": {"title": "Aviary", "version": "v1"}}
    assert (GENERATED / "openapi.json").read_text() == written(made)


def test_every_route_but_streams_is_an_operation_and_nothing_else_is(any_of: Told) -> None:
    routes = {
        (verb, "/".join("{}" if segment in {"*", "**"} else segment for segment in template.segments), template.verb)
        for route in any_of.routes.routes
        if not route.rpc.gives_stream
        for template in [route.binding.template]
        for verb in (ANY_VERB if route.binding.verb == "*" else (route.binding.verb,))
    }
    operations = set()
    for verb, path, _ in any_of.operations():
        stem, _, custom = VARIABLE.sub("{}", path).removeprefix("/").partition(":")
        operations.add((verb, stem, custom))
    assert operations == routes


def test_a_request_made_after_an_operation_reaches_its_method(any_of: Told) -> None:
    for verb, path, operation in any_of.operations():
        route, _ = any_of.route_of(verb, path, operation)
        assert operation["operationId"].split("_")[0] == route.rpc.full_name
        assert operation["tags"] == [route.rpc.service]


def test_no_two_paths_differ_in_names_alone_and_no_operation_has_the_name_of_another(any_of: Told) -> None:
    shapes = [VARIABLE.sub("{}", path) for path in any_of.document["paths"]]
    assert len(shapes) == len(set(shapes))
    names = [operation["operationId"] for _, _, operation in any_of.operations()]
    assert len(names) == len(set(names))


def test_every_parameter_is_taken_and_fills_its_field(any_of: Told) -> None:
    for verb, path, operation in any_of.operations():
        route, segments = any_of.route_of(verb, path, operation)
        parameters = any_of.parameters(operation)
        assert {each["name"] for each in parameters if each["in"] == "path"} == {
            variable[1:-1] for variable in VARIABLE.findall(path)
        }
        for parameter in (each for each in parameters if each["in"] == "query"):
            query = f"{parameter['name']}={any_of.example(parameter['schema'])}".encode()
            message = route.decoder.decode(HttpParts(segments, query, b"", ""))
            found = message
            for name in parameter["name"].split("."):
                field = next(each for each in found.DESCRIPTOR.fields if each.json_name == name)
                found = getattr(found, field.name)
            assert found, (path, parameter["name"])


def test_what_the_edge_takes_from_the_query_is_a_parameter(any_of: Told) -> None:
    for verb, path, operation in any_of.operations():
        route, _ = any_of.route_of(verb, path, operation)
        told_of = {each["name"] for each in any_of.parameters(operation) if each["in"] == "query"}
        bound = {variable.fields for variable in route.binding.template.variables}
        taken = set()
        for field in route.rpc.input.fields:
            is_elsewhere = (field.name,) in bound or route.binding.body in {"*", field.name}
            if not is_elsewhere and not is_output_only(field) and is_taken(route, field.json_name):
                taken.add(field.json_name)
        assert {name for name in told_of if "." not in name} == taken


def is_taken(route: Route, name: str) -> bool:
    try:
        route.decoder.parameters.named(name)
    except BadField:
        return False
    return True


def test_an_operation_says_what_the_policy_says(ours: Told) -> None:
    levels = set()
    for verb, path, operation in ours.operations():
        route, _ = ours.route_of(verb, path, operation)
        policy = route.policy
        levels.add(policy.auth)
        bearer = {"bearer": list(policy.scopes)}
        assert operation["security"] == {"NONE": [], "OPTIONAL": [{}, bearer], "USER": [bearer]}[policy.auth]
        assert set(operation["responses"]) == {str(policy.success_status), "default"}
        headers = [each["name"] for each in ours.parameters(operation) if each["in"] == "header"]
        assert headers == (["Idempotency-Key"] if route.takes_key else [])
    assert levels == {"NONE", "OPTIONAL", "USER"}


def test_no_alias_is_told(ours: Told) -> None:
    assert all(path.startswith(("/v1/", "/.well-known/")) for path in ours.document["paths"])
    assert any(rpc.policy and rpc.policy.aliases for rpcs in ours.contracts.services.values() for rpc in rpcs)


def test_comments_rules_and_behavior_come_along(ours: Told) -> None:
    schemas = ours.document["components"]["schemas"]
    post = ours.document["paths"]["/v1/tweets"]["post"]
    assert post["summary"] == "Posts a tweet or a reply"
    assert post["description"] == "Posts a tweet or a reply. Safe to repeat only with a request_id."
    create = schemas["aviary.user.v1.CreateUserRequest"]
    assert create["required"] == ["username", "email", "password"]
    assert create["properties"]["password"] == {
        "type": "string",
        "minLength": 8,
        "maxLength": 128,
        "description": "Clear-text password, 8 to 128 characters, kept only as a hash.",
        "writeOnly": True,
    }
    assert create["properties"]["username"]["pattern"] == "^[A-Za-z0-9_]{1,50}$"
    batch = ours.document["paths"]["/v1/tweets:batchGet"]["get"]["parameters"][0]["schema"]
    assert batch == {
        "type": "array",
        "items": {"type": "string", "format": "int64", "pattern": "^0*[1-9][0-9]*$"},
        "minItems": 1,
        "maxItems": 100,
    }
    assert schemas["aviary.type.v1.Tweet"]["properties"]["createTime"]["readOnly"] is True
    assert "- `EXPANSION_AUTHOR`: " in schemas["aviary.type.v1.Expansion"]["description"]


def test_variables_of_the_path_are_not_in_the_body(library: Told) -> None:
    lend = library.document["paths"]["/v1/books/{id}:lend"]["post"]
    assert set(lend["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {"reader", "daysCount"}


def test_a_body_and_an_answer_of_one_field_are_that_field(library: Told) -> None:
    tags = library.document["paths"]["/v1/tags"]["post"]["requestBody"]["content"]["application/json"]
    titles = library.document["paths"]["/v1/titles"]["get"]["responses"]["200"]["content"]["application/json"]
    assert tags["schema"] == {"type": "array", "items": {"type": "string"}}
    assert titles["schema"] == {"type": "array", "items": {"$ref": "#/components/schemas/library.v1.Book"}}


def test_raw_bodies_have_any_type(library: Told) -> None:
    scans = library.document["paths"]["/v1/scans"]["post"]
    assert scans["requestBody"]["content"] == scans["responses"]["200"]["content"] == {"*/*": {"schema": {}}}


def test_a_file_that_is_no_descriptor_set_is_told_in_one_line(tmp_path: Path) -> None:
    output = tmp_path / "openapi.json"
    command = [sys.executable, "-m", "tools.openapi", str(ROOT / "README.md"), str(output)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, output.exists()) == (2, False)
    assert "is no FileDescriptorSet" in ended.stderr
    assert ended.stderr.count("\n") == 1


CLASH = """
syntax = "proto3";
package clash.v1;
import "google/api/annotations.proto";
service Clash {
  rpc One(Request) returns (Request) { option (google.api.http) = {get: "/v1/{name}"}; }
  rpc Many(Request) returns (Request) { option (google.api.http) = {get: "/v1/{name=**}"}; }
}
message Request { string name = 1; }
"""
NESTED = """
syntax = "proto3";
package nested.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
service Nested {
  rpc Find(Query) returns (Node) { option (google.api.http) = {get: "/v1/{node.name}/*"}; }
}
message Query { Node node = 1; repeated Node nodes = 2; }
message Node {
  string name = 1;
  int32 size = 2;
  Node next = 3;
  int32 seen_count = 4 [(google.api.field_behavior) = OUTPUT_ONLY];
}
"""


def compiled(folder: Path, text: str) -> Told:
    (folder / "made.proto").write_text(text)
    return told(compile_protos(folder, "made.proto"))


def test_routes_that_openapi_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Untellable, match=r"GET /v1/\{name\} .*clash.v1.Clash.Many"):
        compiled(tmp_path, CLASH)


def test_fields_of_nested_messages_are_parameters_once(tmp_path: Path) -> None:
    nested = compiled(tmp_path, NESTED)
    parameters: Mapping[str, Any] = nested.document["paths"]["/v1/{node.name}/{segment_3}"]["get"]
    assert [(each["name"], each["in"]) for each in parameters["parameters"]] == [
        ("node.name", "path"),
        ("segment_3", "path"),
        ("node.size", "query"),
    ]

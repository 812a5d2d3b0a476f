"""Contracts that cannot be served are told when the edge starts, each with its method."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from edge_proxy.config import EdgeConfig
from edge_proxy.descriptor_set import BrokenDescriptors, Contracts, load_descriptor_set, read_descriptor_set
from edge_proxy.edge import CannotServe, open_edge
from edge_proxy.refusals import MethodNotAllowed, RouteNotFound
from edge_proxy.route_table import RouteTable
from tests.support.compiled import ROOT, compile_protos

PROTO = """
syntax = "proto3";
package p.v1;
import "google/api/annotations.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
{imports}
message Inner {{ int64 id = 1; repeated string names = 2; map<string, string> labels = 3; }}
message Request {{ int64 id = 1; string name = 2; Inner inner = 3; repeated int64 ids = 4;
  google.protobuf.Timestamp time = 5; google.protobuf.Duration age = 6; google.protobuf.Value free = 7; }}
message Response {{ Inner inner = 1; }}
service Service {{
  {methods}
}}
"""
POLICY = ROOT / "protos" / "public" / "aviary" / "options" / "v1" / "method_policy.proto"


def contracts(folder: Path, *rules: str, imports: str = "") -> Contracts:
    """A service with one method for each rule, the text inside of its options."""
    methods = [f"rpc Method{number}(Request) returns (Response) {{ {rule} }}" for number, rule in enumerate(rules)]
    (folder / "service.proto").write_text(PROTO.format(methods="\n  ".join(methods), imports=imports))
    return load_descriptor_set(compile_protos(folder, "service.proto"))


def http(rule: str) -> str:
    return f"option (google.api.http) = {{ {rule} }};"


def table(folder: Path, *rules: str, with_aliases: bool = True) -> RouteTable:
    made = contracts(folder, *(http(rule) for rule in rules))
    return RouteTable(made, list(made.services), with_aliases=with_aliases)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('get: "/v1/{nothing}"', "nothing"),
        ('get: "/v1/{inner.nothing}"', "inner.nothing"),
        ('get: "/v1/{id.x}"', "id.x"),
        ('get: "/v1/{ids}"', "ids"),
        ('get: "/v1/{inner}"', "inner"),
        ('get: "/v1/{inner.names}"', "inner.names"),
        ('get: "/v1/{inner.labels}"', "inner.labels"),
        ('get: "/v1/{id}/{id}"', "bound twice"),
        ('get: "/v1/{time}"', "time"),
        ('get: "/v1/{age.seconds}"', "cannot be given in parts"),
        ('get: "/v1/{free.string_value}"', "cannot be given in parts"),
        ('get: "v1/x"', "no path template"),
        ('get: "/v1/**/{id}"', r"after \*\*"),
        ('post: "/v1/x" body: "nothing"', "nothing"),
        ('post: "/v1/x" body: "inner.id"', "inner.id"),
        ('get: "/v1/x" body: "*"', "must not have a body"),
        ('delete: "/v1/x" body: "*"', "must not have a body"),
        ('get: "/v1/x" body: "inner"', "must not have a body"),
        ('custom: { kind: "HEAD" path: "/v1/x" } body: "*"', "must not have a body"),
        ('post: "/v1/x" additional_bindings: { get: "/v1/y" body: "*" }', "must not have a body"),
        ('post: "/v1/x" additional_bindings: { get: "/v1/{nothing}" }', "nothing"),
        ('get: "/v1/x" response_body: "nothing"', "nothing"),
        (
            'get: "/v1/x" additional_bindings: { get: "/v1/y" additional_bindings: { get: "/v1/z" } }',
            "additional_bindings",
        ),
        ('get: "/v1/{id}" additional_bindings: { get: "/v1/{name}" }', r"GET /v1/\{name\}"),
        ('get: "/v1/{id}" additional_bindings: { get: "/v1/*" }', r"GET /v1/\*"),
        ('get: "/v1/x/{id}" additional_bindings: { get: "/v1/{name=x/*}" }', r"GET /v1/\{name=x/\*\}"),
        ('get: "/v1/{name=**}" additional_bindings: { get: "/v1/{inner.id=**}" }', r"GET /v1/\{inner\.id=\*\*\}"),
        ('get: "/v1/{id}:go" additional_bindings: { get: "/v1/{name}:go" }', r"GET /v1/\{name\}:go"),
        ('get: "/v1/x" additional_bindings: { custom: { kind: "GET" path: "/v1/x" } }', "GET /v1/x"),
    ],
)
def test_a_broken_rule_is_refused_with_its_method(tmp_path: Path, rule: str, said: str) -> None:
    with pytest.raises(BrokenDescriptors, match=rf"p\.v1\.Service\.Method0: .*{said}"):
        table(tmp_path, rule)


def test_every_broken_rule_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BrokenDescriptors) as broken:
        table(tmp_path, 'get: "/v1/{a}"', 'get: "/v1/fine"', 'get: "/v1/{b}"')
    assert [mistake.partition(":")[0] for mistake in broken.value.mistakes] == [
        "p.v1.Service.Method0",
        "p.v1.Service.Method2",
    ]


def test_two_methods_must_not_share_a_template(tmp_path: Path) -> None:
    with pytest.raises(BrokenDescriptors, match="Method1"):
        table(tmp_path, 'get: "/v1/{id}"', 'get: "/v1/{name}"')
    assert table(tmp_path, 'get: "/v1/{id}"', 'put: "/v1/{name}" body: "*"').routes


async def test_an_edge_does_not_start_with_broken_rules_and_tells_all(tmp_path: Path) -> None:
    made = contracts(tmp_path, http('get: "/v1/{a}"'), http('get: "/v1/x" body: "*"'))
    config = EdgeConfig(
        contracts=made, upstreams={"p.v1.Service": "ipv4:127.0.0.1:1", "p.v1.Other": "ipv4:127.0.0.1:1"}
    )
    with pytest.raises(CannotServe) as refused:
        async with open_edge(config):
            pass
    assert [mistake.partition(":")[0] for mistake in refused.value.mistakes] == [
        "--upstream p.v1.Other",
        "p.v1.Service.Method0",
        "p.v1.Service.Method1",
    ]


def test_a_service_without_upstream_may_be_broken(tmp_path: Path) -> None:
    made = contracts(tmp_path, http('get: "/v1/{nothing}"'))
    assert RouteTable(made, [], with_aliases=True).routes == []


def test_a_policy_must_say_who_may_call(tmp_path: Path) -> None:
    folder = tmp_path / "aviary" / "options" / "v1"
    folder.mkdir(parents=True)
    (folder / POLICY.name).write_text(POLICY.read_text())
    option = http('get: "/v1/x"') + " option (aviary.options.v1.policy) = { success_status: 201 };"
    with pytest.raises(BrokenDescriptors, match="who may call"):
        contracts(tmp_path, option, imports='import "aviary/options/v1/method_policy.proto";')


def test_an_option_of_somebody_else_with_our_number_is_not_a_policy(tmp_path: Path) -> None:
    (tmp_path / "theirs.proto").write_text(
        """
        syntax = "proto3";
        package theirs;
        import "google/protobuf/descriptor.proto";
        message Policy { int32 auth = 1; }
        extend google.protobuf.MethodOptions { Policy policy = 50101; }
        """
    )
    option = http('get: "/v1/x"') + " option (theirs.policy) = { auth: 5 };"
    made = contracts(tmp_path, option, imports='import "theirs.proto";')
    (rpc,) = made.services["p.v1.Service"]
    assert rpc.policy is None
    assert RouteTable(made, list(made.services), with_aliases=True).routes[0].policy.auth == "OPTIONAL"


def test_our_policies_are_read_from_the_set_alone() -> None:
    made = read_descriptor_set(ROOT / "generated" / "descriptors.binpb")
    policies = {rpc.name: rpc.policy for rpcs in made.services.values() for rpc in rpcs}
    assert all(policies.values())
    create, home = policies["CreateTweet"], policies["ListHomeTimeline"]
    assert create is not None
    assert home is not None
    assert create.aliases
    assert (create.auth, create.success_status, create.default_timeout) == ("USER", 201, 2.0)
    assert (home.default_timeout, home.max_timeout) == (0.8, 0.8)


def test_files_may_stand_in_any_order_but_all_must_be_there(tmp_path: Path) -> None:
    method = "rpc Get(Request) returns (Response) { " + http('get: "/v1/x"') + " }"
    (tmp_path / "service.proto").write_text(PROTO.format(methods=method, imports=""))
    files = compile_protos(tmp_path, "service.proto")
    turned = FileDescriptorSet(file=reversed(files.file))
    assert list(load_descriptor_set(turned).services) == ["p.v1.Service"]
    with pytest.raises(BrokenDescriptors, match="include_imports"):
        load_descriptor_set(FileDescriptorSet(file=[files.file[-1]]))


@pytest.mark.parametrize("content", [b"not descriptors", b""])
def test_a_file_that_is_no_descriptor_set_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "set.binpb"
    file.write_bytes(content)
    with pytest.raises(BrokenDescriptors, match=r"set\.binpb"):
        read_descriptor_set(file)


def test_head_finds_get_and_what_is_not_there_is_told_apart(tmp_path: Path) -> None:
    routes = table(tmp_path, 'get: "/v1/{id}"', 'post: "/v1/x" body: "*"')
    assert routes.find("HEAD", "/v1/5")[0].binding.verb == "GET"
    with pytest.raises(RouteNotFound):
        routes.find("GET", "/v2")
    with pytest.raises(MethodNotAllowed) as refused:
        routes.find("DELETE", "/v1/x")
    assert refused.value.allowed == "GET, HEAD, OPTIONS, POST"

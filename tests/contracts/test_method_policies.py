"""Every method says who may call it, and whether it may be repeated."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, MethodOptions

from aviary.options.v1.method_policy_pb2 import AUTH_LEVEL_SERVICE, AUTH_LEVEL_UNSPECIFIED
from tests.support.contract import Method, methods, routes

SERVICES = {"user_svc", "tweet_svc", "graph_svc", "engagement_svc", "timeline_svc"}
READS = ("Get", "BatchGet", "List", "Resolve", "Explain")
PUBLIC = [method for method in methods() if method.is_public]
INTERNAL = [method for method in methods() if not method.is_public]
# A repeated log-in is a second session, on purpose.
CREATES = [method for method in PUBLIC if method.name.startswith("Create") and method.name != "CreateSession"]


@pytest.mark.parametrize("method", methods(), ids=str)
def test_every_method_says_who_may_call_it(method: Method) -> None:
    assert method.policy.auth != AUTH_LEVEL_UNSPECIFIED


@pytest.mark.parametrize("method", INTERNAL, ids=str)
def test_internal_methods_are_for_services_and_have_no_route(method: Method) -> None:
    assert method.policy.auth == AUTH_LEVEL_SERVICE
    assert not [route for route in routes() if route.method is method]


@pytest.mark.parametrize("method", PUBLIC, ids=str)
def test_public_methods_are_for_people_and_have_a_route(method: Method) -> None:
    assert method.policy.auth != AUTH_LEVEL_SERVICE
    assert [route for route in routes() if route.method is method and not route.is_alias]


@pytest.mark.parametrize("method", methods(), ids=str)
def test_reads_have_no_side_effects_and_say_so(method: Method) -> None:
    is_read = method.name.startswith(READS)
    assert (method.proto.options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS) == is_read


def test_services_named_by_policies_exist() -> None:
    assert {service for method in methods() for service in method.policy.services} <= SERVICES


@pytest.mark.parametrize("method", CREATES, ids=str)
def test_a_create_takes_a_key_that_makes_it_safe_to_repeat(method: Method) -> None:
    keys = {field.name: field for field in method.request.field}
    assert keys["request_id"].type == FieldDescriptorProto.TYPE_STRING
    assert method.proto.options.idempotency_level == MethodOptions.IDEMPOTENT

"""What is read from the contract; a method that does not say who may call it keeps its service from starting."""

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from aviary.options.v1 import method_policy_pb2
from aviary.tweet.v1 import tweet_service_pb2
from aviary.user.v1 import user_service_pb2
from mesh.method import BrokenContract, methods_of


def a_service(policy: method_policy_pb2.MethodPolicy | None, *, is_stream: bool = False) -> ServiceDescriptor:
    file = descriptor_pb2.FileDescriptorProto(name="x.proto", package="x", syntax="proto3")
    file.message_type.add(name="Question")
    method = file.service.add(name="Oracle").method.add(
        name="Ask", input_type=".x.Question", output_type=".x.Question", server_streaming=is_stream
    )
    if policy is not None:
        method.options.Extensions[method_policy_pb2.policy].CopyFrom(policy)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName("x.Oracle")


def test_the_contract_says_who_how_long_and_whether_again() -> None:
    methods = {
        method.name: method for method in methods_of(tweet_service_pb2.DESCRIPTOR.services_by_name["TweetService"])
    }
    create, get = methods["CreateTweet"], methods["GetTweet"]
    assert create.path == "/aviary.tweet.v1.TweetService/CreateTweet"
    assert create.auth == method_policy_pb2.AUTH_LEVEL_USER
    assert create.scopes == {"tweet:write"}
    assert create.is_idempotent
    assert not create.is_read
    assert get.is_read
    assert get.request is tweet_service_pb2.GetTweetRequest


def test_timeouts_have_a_default_and_a_most() -> None:
    policy = method_policy_pb2.MethodPolicy(auth=method_policy_pb2.AUTH_LEVEL_NONE)
    (unset,) = methods_of(a_service(policy))
    policy.default_timeout.FromMilliseconds(800)
    (given,) = methods_of(a_service(policy))
    policy.max_timeout.FromSeconds(10)
    (longer,) = methods_of(a_service(policy))
    assert [(each.default_timeout, each.max_timeout) for each in (unset, given, longer)] == [
        (2.0, 2.0),
        (0.8, 0.8),
        (0.8, 10.0),
    ]


@pytest.mark.parametrize("policy", [None, method_policy_pb2.MethodPolicy(scopes=["x"])])
def test_a_method_that_does_not_say_who_may_call_it_is_refused(policy: method_policy_pb2.MethodPolicy | None) -> None:
    with pytest.raises(BrokenContract, match=r"x\.Oracle\.Ask does not say who may call it"):
        methods_of(a_service(policy))


def test_a_stream_is_refused() -> None:
    policy = method_policy_pb2.MethodPolicy(auth=method_policy_pb2.AUTH_LEVEL_NONE)
    with pytest.raises(BrokenContract, match=r"x\.Oracle\.Ask is a stream"):
        methods_of(a_service(policy, is_stream=True))


def test_every_method_of_the_users_contract_can_be_served() -> None:
    assert len(methods_of(user_service_pb2.DESCRIPTOR.services_by_name["UserService"])) == 5

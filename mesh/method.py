"""What the contract says of a method: its messages, who may call it, how long it takes, whether it may be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from aviary.options.v1 import method_policy_pb2

DEFAULT_TIMEOUT = timedelta(seconds=2)


class BrokenContract(Exception):
    """A service that must not start: a method does not say who may call it, or nothing answers it."""


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `path` is as on the wire, "/aviary.tweet.v1.TweetService/CreateTweet"; timeouts are in seconds."""

    path: str
    service: str
    name: str
    request: type[Message]
    response: type[Message]
    auth: int
    scopes: frozenset[str]
    services: frozenset[str]
    default_timeout: float
    max_timeout: float
    is_idempotent: bool
    is_read: bool


def methods_of(service: ServiceDescriptor) -> list[Method]:
    """Every method of the service. Raises BrokenContract for a stream, or a method without an auth level."""
    return [method_of(descriptor) for descriptor in service.methods]


def method_of(descriptor: MethodDescriptor) -> Method:
    """One method. Raises BrokenContract for a stream, or a method without an auth level."""
    if descriptor.client_streaming or descriptor.server_streaming:
        raise BrokenContract(f"{descriptor.full_name} is a stream; only unary methods are served")
    options = descriptor.GetOptions()
    policy = options.Extensions[method_policy_pb2.policy]
    if policy.auth == method_policy_pb2.AUTH_LEVEL_UNSPECIFIED:
        raise BrokenContract(f"{descriptor.full_name} does not say who may call it; give it a policy with auth")
    service = descriptor.containing_service
    default_timeout = _seconds(policy.default_timeout) or DEFAULT_TIMEOUT.total_seconds()
    return Method(
        path=f"/{service.full_name}/{descriptor.name}",
        service=service.full_name,
        name=descriptor.name,
        request=message_factory.GetMessageClass(descriptor.input_type),
        response=message_factory.GetMessageClass(descriptor.output_type),
        auth=policy.auth,
        scopes=frozenset(policy.scopes),
        services=frozenset(policy.services),
        default_timeout=default_timeout,
        max_timeout=_seconds(policy.max_timeout) or default_timeout,
        is_idempotent=options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        is_read=options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
    )


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta().total_seconds()

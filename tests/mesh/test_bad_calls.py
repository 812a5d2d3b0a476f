"""Wrong gRPC calls, straight to every service: a status of the right kind, and nothing of the inside."""

from __future__ import annotations

import grpc
import pytest

from aviary.engagement.v1 import engagement_service_pb2
from aviary.tweet.internal.v1 import tweet_internal_service_pb2
from aviary.tweet.v1 import tweet_service_pb2
from tests.mesh.support.actions import post, sign_up
from tests.mesh.support.api import Api, Person
from tests.mesh.support.running_mesh import RunningMesh

CREATE = "/aviary.tweet.v1.TweetService/CreateTweet"
# One method of each service that needs a user.
PROTECTED = {
    "user_svc": "/aviary.user.v1.UserService/UpdateUser",
    "tweet_svc": CREATE,
    "graph_svc": "/aviary.graph.v1.GraphService/FollowUser",
    "engagement_svc": "/aviary.engagement.v1.EngagementService/LikeTweet",
    "timeline_svc": "/aviary.timeline.v1.TimelineService/ListHomeTimeline",
}


async def call(
    mesh: RunningMesh, service: str, method: str, request: bytes, metadata: dict[str, str] | None = None
) -> tuple[grpc.StatusCode, str, bytes]:
    """The status, its text and the answer of one call, made without any generated code."""
    async with grpc.aio.insecure_channel(f"ipv4:{mesh.find(service)['address']}") as channel:
        stub: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
        try:
            answer = await stub(request, timeout=5, metadata=tuple((metadata or {}).items()))
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or "", b""
        return grpc.StatusCode.OK, "", answer


def bearer(person: Person) -> dict[str, str]:
    return {"authorization": f"Bearer {person.token}"}


@pytest.fixture
async def person(api: Api) -> Person:
    """Somebody with a good token."""
    return await sign_up(api)


@pytest.mark.parametrize("service", PROTECTED)
async def test_no_service_takes_a_call_without_a_token(mesh: RunningMesh, service: str) -> None:
    code, _, _ = await call(mesh, service, PROTECTED[service], b"")
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_identity_comes_from_the_token_alone(mesh: RunningMesh, api: Api, person: Person) -> None:
    victim = await sign_up(api, "victim")
    forged = {"x-user-id": str(victim.user_id), "x-role": "admin", "aviary-user-id": str(victim.user_id)}
    request = tweet_service_pb2.CreateTweetRequest(content="by whom?").SerializeToString()
    code, _, _ = await call(mesh, "tweet_svc", CREATE, request, forged)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    code, _, answer = await call(mesh, "tweet_svc", CREATE, request, forged | bearer(person))
    assert code is grpc.StatusCode.OK
    assert tweet_service_pb2.CreateTweetResponse.FromString(answer).tweet.user_id == person.user_id


async def test_an_internal_method_takes_no_users_token(mesh: RunningMesh, person: Person) -> None:
    request = tweet_internal_service_pb2.BatchGetStoredTweetsRequest().SerializeToString()
    method = "/aviary.tweet.internal.v1.TweetInternalService/BatchGetStoredTweets"
    code, _, _ = await call(mesh, "tweet_svc", method, request, bearer(person))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    code, _, _ = await call(mesh, "tweet_svc", method, request)
    assert code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_message_over_one_mebibyte_and_metadata_over_eight_kibibytes_are_refused(
    mesh: RunningMesh, person: Person
) -> None:
    large = tweet_service_pb2.CreateTweetRequest(content="x" * (1024 * 1024 + 1)).SerializeToString()
    code, text, _ = await call(mesh, "tweet_svc", CREATE, large, bearer(person))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "Traceback" not in text
    small = tweet_service_pb2.CreateTweetRequest(content="x").SerializeToString()
    code, _, _ = await call(mesh, "tweet_svc", CREATE, small, bearer(person) | {"x-long": "y" * 20_000})
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("request_bytes", [b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\xff\xff\xff\xff"])
async def test_bytes_that_do_not_decode_are_a_bad_argument(
    mesh: RunningMesh, person: Person, request_bytes: bytes
) -> None:
    code, text, _ = await call(mesh, "tweet_svc", CREATE, request_bytes, bearer(person))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert not [word for word in ("Exception", "Decode", "class", "Traceback") if word in text]
    good = tweet_service_pb2.CreateTweetRequest(content="still alive").SerializeToString()
    code, _, _ = await call(mesh, "tweet_svc", CREATE, good, bearer(person))
    assert code is grpc.StatusCode.OK


async def test_an_unknown_method_is_unimplemented(mesh: RunningMesh, person: Person) -> None:
    code, _, _ = await call(mesh, "tweet_svc", "/aviary.tweet.v1.TweetService/Nothing", b"", bearer(person))
    assert code is grpc.StatusCode.UNIMPLEMENTED


async def test_the_rules_of_the_contract_hold_without_the_edge(mesh: RunningMesh, api: Api, person: Person) -> None:
    request = engagement_service_pb2.LikeTweetRequest(tweet_id=-1).SerializeToString()
    code, text, _ = await call(mesh, "engagement_svc", PROTECTED["engagement_svc"], request, bearer(person))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "tweetId" in text
    tweet = await post(api, person, "likeable")
    request = engagement_service_pb2.LikeTweetRequest(tweet_id=tweet).SerializeToString()
    code, _, _ = await call(mesh, "engagement_svc", PROTECTED["engagement_svc"], request, bearer(person))
    assert code is grpc.StatusCode.OK

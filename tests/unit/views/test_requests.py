"""What the clients of the read model put on the wire, seen by grpcio-testing's channel.

It has no asyncio, so its blocking stub runs in a thread and the client under test awaits that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import grpc
import grpc_testing
import pytest
from google.protobuf.message import Message

from aviary.engagement.internal.v1 import engagement_internal_service_pb2 as engagement_pb2
from aviary.engagement.internal.v1 import engagement_internal_service_pb2_grpc as engagement_grpc
from aviary.graph.internal.v1 import graph_internal_service_pb2 as graph_pb2
from aviary.graph.internal.v1 import graph_internal_service_pb2_grpc as graph_grpc
from aviary.type.v1.tweet_pb2 import EngagementCounts
from aviary.type.v1.user_pb2 import Relationship
from views.clients.engagement import RemoteEngagements
from views.clients.graph import RemoteReadContexts
from views.model import ReadContext

ENGAGEMENT = engagement_pb2.DESCRIPTOR.services_by_name["EngagementInternalService"]
GRAPH = graph_pb2.DESCRIPTOR.services_by_name["GraphInternalService"]


class AwaitedStub:
    """A blocking stub whose calls can be awaited."""

    def __init__(self, stub: object) -> None:
        self._stub = stub

    def __getattr__(self, method: str) -> Callable[[Message], Awaitable[Any]]:
        call = getattr(self._stub, method)
        return lambda request: asyncio.to_thread(call, request)


async def answered(channel: Any, service: Any, method: str, answer: Message) -> Message:
    """Wait for the call of `method`, answer it, and tell what was asked."""
    descriptor = service.methods_by_name[method]
    _, request, rpc = await asyncio.to_thread(channel.take_unary_unary, descriptor)
    rpc.send_initial_metadata(())
    rpc.terminate(answer, (), grpc.StatusCode.OK, "")
    return cast("Message", request)


@pytest.fixture
def channel() -> Any:
    return grpc_testing.channel([ENGAGEMENT, GRAPH], grpc_testing.strict_real_time())


async def test_engagement_is_asked_for_all_tweets_of_a_viewer_in_one_request(channel: Any) -> None:
    client = RemoteEngagements(cast("Any", AwaitedStub(engagement_grpc.EngagementInternalServiceStub(channel))))
    counts = engagement_pb2.TweetEngagement(counts=EngagementCounts(likes_count=4))
    answer = engagement_pb2.BatchGetEngagementResponse(engagements={8: counts})
    found, request = await asyncio.gather(
        client.get_many([8, 9], viewer_id=3), answered(channel, ENGAGEMENT, "BatchGetEngagement", answer)
    )
    assert request == engagement_pb2.BatchGetEngagementRequest(tweet_ids=[8, 9], viewer_user_id=3)
    assert dict(found) == {8: counts}


async def test_a_read_context_names_the_followed_ones_among_the_authors_asked(channel: Any) -> None:
    client = RemoteReadContexts(cast("Any", AwaitedStub(graph_grpc.GraphInternalServiceStub(channel))))
    answer = graph_pb2.GetReadContextResponse(
        pull_author_ids=[40],
        relationships=[Relationship(user_id=8, following=True), Relationship(user_id=9, followed_by=True)],
        version=12,
    )
    found, request = await asyncio.gather(client.get(3, [8, 9]), answered(channel, GRAPH, "GetReadContext", answer))
    assert request == graph_pb2.GetReadContextRequest(viewer_user_id=3, author_user_ids=[8, 9])
    assert found == ReadContext((40,), frozenset({8}), 12)

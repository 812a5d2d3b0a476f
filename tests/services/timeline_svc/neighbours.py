"""The other services, played in this process on their contracts, from one World. They count what they are asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from aviary.engagement.internal.v1 import engagement_internal_service_pb2 as engagement
from aviary.engagement.internal.v1.engagement_internal_service_pb2_grpc import EngagementInternalServiceServicer
from aviary.events.v1 import events_pb2
from aviary.graph.internal.v1 import graph_internal_service_pb2 as graph
from aviary.graph.internal.v1.graph_internal_service_pb2_grpc import GraphInternalServiceServicer
from aviary.mesh.internal.v1 import mesh_admin_service_pb2 as mesh
from aviary.mesh.internal.v1.mesh_admin_service_pb2_grpc import MeshAdminServiceServicer
from aviary.tweet.internal.v1 import tweet_internal_service_pb2 as tweet
from aviary.tweet.internal.v1.tweet_internal_service_pb2_grpc import TweetInternalServiceServicer
from aviary.type.v1 import tweet_pb2, user_pb2
from aviary.user.internal.v1 import user_internal_service_pb2 as user
from aviary.user.internal.v1.user_internal_service_pb2_grpc import UserInternalServiceServicer
from mesh.errors import Unavailable
from mesh.process import Served, Service
from tests.services.timeline_svc.world import World
from timeline_svc.model import AuthorClass

CLASSES = {
    AuthorClass.PUSH: events_pb2.AUTHOR_CLASS_PUSH,
    AuthorClass.BOTH: events_pb2.AUTHOR_CLASS_BOTH,
    AuthorClass.PULL: events_pb2.AUTHOR_CLASS_PULL,
}


@dataclass
class Traffic:
    """What was asked, by method, and who does not answer: "graph", or "graph.GetReadContext"."""

    calls: Counter[str] = field(default_factory=Counter)
    down: set[str] = field(default_factory=set)
    followers_per_page: int = 1_000
    only_first_followers: bool = False

    def take(self, service: str, method: str) -> None:
        if service in self.down or f"{service}.{method}" in self.down:
            raise Unavailable.backend(service)
        self.calls[method] += 1


class Graph(GraphInternalServiceServicer):
    def __init__(self, world: World, traffic: Traffic) -> None:
        self._world = world
        self._traffic = traffic

    async def ListFollowerIds(
        self, request: graph.ListFollowerIdsRequest, context: object
    ) -> graph.ListFollowerIdsResponse:
        self._traffic.take("graph", "ListFollowerIds")
        if self._traffic.only_first_followers and request.after_edge_id:
            raise Unavailable.backend("graph")
        ids, after = self._world.followers(request.user_id, request.after_edge_id, self._traffic.followers_per_page)
        return graph.ListFollowerIdsResponse(follower_user_ids=ids, next_after_edge_id=after)

    async def ListFolloweeIds(
        self, request: graph.ListFolloweeIdsRequest, context: object
    ) -> graph.ListFolloweeIdsResponse:
        self._traffic.take("graph", "ListFolloweeIds")
        followees = [
            graph.Followee(
                user_id=other,
                author_class=CLASSES[self._world.class_of(other)],
                edge_id=self._world.edges[request.user_id, other],
            )
            for other in self._world.followees(request.user_id)
        ]
        return graph.ListFolloweeIdsResponse(followees=followees)

    async def GetReadContext(
        self, request: graph.GetReadContextRequest, context: object
    ) -> graph.GetReadContextResponse:
        self._traffic.take("graph", "GetReadContext")
        viewer = request.viewer_user_id
        return graph.GetReadContextResponse(
            pull_author_ids=[] if request.authors_only else self._world.pulled(viewer),
            relationships=[
                user_pb2.Relationship(user_id=author, following=self._world.follows(viewer, author))
                for author in request.author_user_ids
            ],
            version=self._world.follows_version,
        )

    async def BatchGetGraphCounts(
        self, request: graph.BatchGetGraphCountsRequest, context: object
    ) -> graph.BatchGetGraphCountsResponse:
        self._traffic.take("graph", "BatchGetGraphCounts")
        return graph.BatchGetGraphCountsResponse(
            counts={
                author: graph.GraphCounts(
                    author_class=CLASSES[self._world.class_of(author)],
                    followers_count=self._world.audience(author).followers_count,
                )
                for author in request.user_ids
            }
        )


class Tweets(TweetInternalServiceServicer):
    def __init__(self, world: World, traffic: Traffic) -> None:
        self._world = world
        self._traffic = traffic

    async def BatchGetStoredTweets(
        self, request: tweet.BatchGetStoredTweetsRequest, context: object
    ) -> tweet.BatchGetStoredTweetsResponse:
        self._traffic.take("tweet", "BatchGetStoredTweets")
        world = self._world
        live = [id_ for id_ in request.tweet_ids if id_ in world.authors and id_ not in world.deleted]
        return tweet.BatchGetStoredTweetsResponse(
            tweets={
                id_: tweet_pb2.Tweet(tweet_id=id_, user_id=world.authors[id_], content=f"tweet {id_}") for id_ in live
            },
            deleted_tweet_ids=world.deleted.intersection(request.tweet_ids),
        )

    async def ListAuthorTweetIds(
        self, request: tweet.ListAuthorTweetIdsRequest, context: object
    ) -> tweet.ListAuthorTweetIdsResponse:
        self._traffic.take("tweet", "ListAuthorTweetIds")
        ids = {
            author: self._world.tweet_ids([author], below=request.max_id, above=request.since_id)[: request.limit]
            for author in request.user_ids
        }
        return tweet.ListAuthorTweetIdsResponse(
            authors=[tweet.AuthorTweetIds(user_id=author, tweet_ids=some) for author, some in ids.items() if some]
        )


class Admin(MeshAdminServiceServicer):
    """The outboxes of both owners of events."""

    def __init__(self, world: World, traffic: Traffic) -> None:
        self._world = world
        self._traffic = traffic

    async def GetOutboxAge(self, request: mesh.GetOutboxAgeRequest, context: object) -> mesh.GetOutboxAgeResponse:
        self._traffic.take("outbox", "GetOutboxAge")
        answer = mesh.GetOutboxAgeResponse()
        answer.oldest_age.FromTimedelta(self._world.outbox_age)
        return answer

    async def ListOutbox(self, request: mesh.ListOutboxRequest, context: object) -> mesh.ListOutboxResponse:
        raise AssertionError("operators only")

    async def ListDeadLetters(
        self, request: mesh.ListDeadLettersRequest, context: object
    ) -> mesh.ListDeadLettersResponse:
        raise AssertionError("operators only")

    async def ReplayDeadLetters(
        self, request: mesh.ReplayDeadLettersRequest, context: object
    ) -> mesh.ReplayDeadLettersResponse:
        raise AssertionError("operators only")


class Users(UserInternalServiceServicer):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    async def ResolveUsers(self, request: user.ResolveUsersRequest, context: object) -> user.ResolveUsersResponse:
        self._traffic.take("user", "ResolveUsers")
        users = [user_pb2.User(user_id=id_, username=f"user_{id_}") for id_ in request.user_ids]
        return user.ResolveUsersResponse(users=users)


class Engagement(EngagementInternalServiceServicer):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    async def BatchGetEngagement(
        self, request: engagement.BatchGetEngagementRequest, context: object
    ) -> engagement.BatchGetEngagementResponse:
        self._traffic.take("engagement", "BatchGetEngagement")
        one = engagement.TweetEngagement(
            counts=tweet_pb2.EngagementCounts(likes_count=3), viewer=tweet_pb2.ViewerState(liked=True)
        )
        return engagement.BatchGetEngagementResponse(engagements=dict.fromkeys(request.tweet_ids, one))

    async def BatchGetTweetCounts(
        self, request: engagement.BatchGetTweetCountsRequest, context: object
    ) -> engagement.BatchGetTweetCountsResponse:
        raise AssertionError("no timeline needs them")


def neighbours(world: World, traffic: Traffic) -> Service:
    """All four in one server."""

    async def ready() -> None:
        """They always are."""

    served = [
        Served(graph.DESCRIPTOR.services_by_name["GraphInternalService"], Graph(world, traffic)),
        Served(tweet.DESCRIPTOR.services_by_name["TweetInternalService"], Tweets(world, traffic)),
        Served(mesh.DESCRIPTOR.services_by_name["MeshAdminService"], Admin(world, traffic)),
        Served(user.DESCRIPTOR.services_by_name["UserInternalService"], Users(traffic)),
        Served(engagement.DESCRIPTOR.services_by_name["EngagementInternalService"], Engagement(traffic)),
    ]
    return Service(name="neighbours", served=served, work=[], ready=ready)

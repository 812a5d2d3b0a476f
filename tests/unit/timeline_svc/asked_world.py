"""The questions that timeline_svc asks of others, answered at once from a World."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from aviary.engagement.internal.v1.engagement_internal_service_pb2 import TweetEngagement
from aviary.type.v1 import tweet_pb2, user_pb2
from tests.services.timeline_svc.world import World
from timeline_svc.clients.graph import Graph
from timeline_svc.clients.tweets import AuthorTweets
from timeline_svc.model import Audience, Followee, FollowerPage
from views.clients.engagement import Engagements
from views.clients.graph import ReadContexts
from views.clients.tweets import StoredTweets
from views.clients.users import UserCards
from views.model import Bodies, ReadContext


class AskedGraph(Graph, ReadContexts):
    def __init__(self, world: World) -> None:
        self._world = world

    async def audience(self, author_id: int) -> Audience:
        return self._world.audience(author_id)

    async def followers(self, author_id: int, *, after_edge_id: int) -> FollowerPage:
        ids, after = self._world.followers(author_id, after_edge_id, 1_000)
        return FollowerPage(tuple(ids), after)

    async def followees(self, user_id: int) -> list[Followee]:
        world = self._world
        return [
            Followee(other, world.class_of(other), world.edges[user_id, other]) for other in world.followees(user_id)
        ]

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        return self._world.follows(follower_id, followee_id)

    async def get(self, viewer_id: int, author_ids: Sequence[int]) -> ReadContext:
        followed = frozenset(author_id for author_id in author_ids if self._world.follows(viewer_id, author_id))
        return ReadContext(tuple(self._world.pulled(viewer_id)), followed, self._world.follows_version)


class AskedTweets(AuthorTweets, StoredTweets):
    def __init__(self, world: World) -> None:
        self._world = world

    async def newest_ids(
        self, author_ids: Collection[int], *, limit: int, below: int = 0, above: int = 0
    ) -> dict[int, list[int]]:
        found = {author: self._world.tweet_ids([author], below=below, above=above)[:limit] for author in author_ids}
        return {author: ids for author, ids in found.items() if ids}

    async def get_many(self, ids: Sequence[int]) -> Bodies:
        world = self._world
        live = [id_ for id_ in ids if id_ in world.authors and id_ not in world.deleted]
        return Bodies(
            {id_: tweet_pb2.Tweet(tweet_id=id_, user_id=world.authors[id_]) for id_ in live},
            frozenset(world.deleted.intersection(ids)),
        )


class NoLikes(Engagements):
    async def get_many(self, ids: Sequence[int], *, viewer_id: int) -> dict[int, TweetEngagement]:
        return {}


class NoCards(UserCards):
    async def get_many(self, ids: Sequence[int]) -> dict[int, user_pb2.User]:
        return {}

    async def get_reachable(self, ids: Sequence[int]) -> dict[int, user_pb2.User]:
        return {}

    async def by_usernames(self, names: Iterable[str]) -> dict[str, user_pb2.User]:
        return {}

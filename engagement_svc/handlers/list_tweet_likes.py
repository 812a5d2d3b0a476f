"""Who likes a tweet, newest first, with the total."""

from __future__ import annotations

from aviary.engagement.v1.engagement_service_pb2 import Engager, ListTweetLikesRequest, ListTweetLikesResponse
from aviary.type.v1.tweet_pb2 import Includes
from engagement_svc.clients.tweets import LiveTweets
from engagement_svc.convert import to_timestamp
from engagement_svc.model import TweetNotFound
from engagement_svc.store import EngagementStore
from mesh.caller import Caller
from mesh.paging import Paging, page_size
from views.clients.users import UserCards

DEFAULT_PAGE_SIZE = 20
LARGEST_PAGE_SIZE = 100


async def list_tweet_likes(
    request: ListTweetLikesRequest,
    *,
    caller: Caller,
    store: EngagementStore,
    tweets: LiveTweets,
    users: UserCards,
    paging: Paging,
) -> ListTweetLikesResponse:
    """A page of live likes, and as many of the likers' accounts as can be had now. Raises TweetNotFound."""
    limit = page_size(request.page_size, default=DEFAULT_PAGE_SIZE, most=LARGEST_PAGE_SIZE)
    arguments = ("ListTweetLikes", request.tweet_id)
    position = paging.decode(request.page_token, arguments=arguments, caller_id=caller.user_id)
    if not await tweets.has(request.tweet_id):
        raise TweetNotFound(request.tweet_id)
    likes = await store.likes(request.tweet_id, below_edge_id=position, limit=limit + 1)
    page = likes[:limit]
    (engagement,) = await store.engagements([request.tweet_id], viewer_id=0)
    accounts = await users.get_reachable([like.user_id for like in page])
    return ListTweetLikesResponse(
        likes=[Engager(user_id=like.user_id, create_time=to_timestamp(like.created_us)) for like in page],
        next_page_token=paging.encode(
            page[-1].edge_id if len(likes) > limit else 0, arguments=arguments, caller_id=caller.user_id
        ),
        likes_count=engagement.likes_count,
        includes=Includes(users=accounts.values()),
    )

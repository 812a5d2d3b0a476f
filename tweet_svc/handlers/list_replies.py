"""Direct replies to a tweet, newest first."""

from __future__ import annotations

from aviary.tweet.v1.tweet_service_pb2 import ListRepliesRequest, ListRepliesResponse
from mesh.caller import Caller
from mesh.paging import Paging, page_size
from tweet_svc.model import TweetNotFound
from tweet_svc.store import TweetStore
from views.tweets import TweetReader

DEFAULT_PAGE = 20
LARGEST_PAGE = 100


async def list_replies(
    request: ListRepliesRequest, *, caller: Caller, store: TweetStore, reader: TweetReader, paging: Paging
) -> ListRepliesResponse:
    """A page. Raises TweetNotFound when the tweet is unknown or deleted, InvalidArgument for the page token."""
    size = page_size(request.page_size, default=DEFAULT_PAGE, most=LARGEST_PAGE)
    arguments = ("ListReplies", request.tweet_id, *sorted(request.expansions))
    position = paging.decode(request.page_token, arguments=arguments, caller_id=caller.user_id)
    parent = (await store.get_many([request.tweet_id])).get(request.tweet_id)
    if parent is None or parent.is_deleted:
        raise TweetNotFound(request.tweet_id)
    ids = await store.list_reply_ids(request.tweet_id, below=position, limit=size + 1)
    shown = ids[:size]
    seen = await reader.read(shown, viewer_id=caller.user_id, expansions=request.expansions)
    last = shown[-1] if len(ids) > size else 0
    return ListRepliesResponse(
        replies=seen.tweets,
        next_page_token=paging.encode(last, arguments=arguments, caller_id=caller.user_id),
        includes=seen.includes,
        degraded=seen.degraded,
    )

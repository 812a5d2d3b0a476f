"""Tweets and replies of one author, newest first."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from aviary.tweet.v1.tweet_service_pb2 import ListUserTweetsRequest, ListUserTweetsResponse
from mesh.caller import Caller
from mesh.errors import DeadlineExceeded, InvalidArgument, NotFound, Unavailable
from mesh.ids import first_id_at
from mesh.paging import Paging, page_size
from tweet_svc.store import TweetStore
from views.clients.users import UserCards
from views.tweets import TweetReader

DEFAULT_PAGE = 20
LARGEST_PAGE = 100
GREATEST_ID = 2**63 - 1


async def list_user_tweets(
    request: ListUserTweetsRequest,
    *,
    caller: Caller,
    store: TweetStore,
    reader: TweetReader,
    users: UserCards,
    paging: Paging,
) -> ListUserTweetsResponse:
    """A page. A tweet that is deleted while it is read leaves the page shorter, never wrong.

    Raises NotFound for an account that does not exist, and InvalidArgument for the page token or the times.
    """
    size = page_size(request.page_size, default=DEFAULT_PAGE, most=LARGEST_PAGE)
    start_us, end_us = _times(request)
    arguments = (
        "ListUserTweets",
        request.user_id,
        request.exclude_replies,
        start_us,
        end_us,
        *sorted(request.expansions),
    )
    position = paging.decode(request.page_token, arguments=arguments, caller_id=caller.user_id)
    found = await store.list_author_ids(
        [request.user_id],
        below=position or (0 if end_us is None else _first_id(end_us)),
        above=0 if start_us is None else _first_id(start_us) - 1,
        limit=size + 1,
        exclude_replies=request.exclude_replies,
    )
    ids = found.get(request.user_id, [])
    if not ids and not position:
        await _check_exists(request.user_id, users)
    shown = ids[:size]
    seen = await reader.read(shown, viewer_id=caller.user_id, expansions=request.expansions)
    last = shown[-1] if len(ids) > size else 0
    return ListUserTweetsResponse(
        tweets=seen.tweets,
        next_page_token=paging.encode(last, arguments=arguments, caller_id=caller.user_id),
        includes=seen.includes,
        degraded=seen.degraded,
    )


def _times(request: ListUserTweetsRequest) -> tuple[int | None, int | None]:
    """start_time and end_time in microseconds; None where the request leaves it open."""
    start_us = _microseconds(request.start_time, "startTime") if request.HasField("start_time") else None
    end_us = _microseconds(request.end_time, "endTime") if request.HasField("end_time") else None
    if start_us is not None and end_us is not None and end_us <= start_us:
        raise InvalidArgument.field("endTime", "must be after startTime")
    return start_us, end_us


def _microseconds(instant: Timestamp, field: str) -> int:
    try:
        return instant.ToMicroseconds()
    except ValueError:
        raise InvalidArgument.field(field, "is not a time between the years 1 and 9999") from None


def _first_id(at_us: int) -> int:
    """The lowest id at or after an instant, at least 1. Ids count whole milliseconds."""
    return min(max(1, first_id_at(at_us + 999)), GREATEST_ID)


async def _check_exists(user_id: int, users: UserCards) -> None:
    """An empty list of nobody is a mistake of the caller's. While that cannot be said, an empty list is right too."""
    try:
        known = await users.get_many([user_id])
    except (Unavailable, DeadlineExceeded):
        return
    if user_id not in known:
        raise NotFound("USER_NOT_FOUND", "there is no such account", metadata={"user_id": str(user_id)})

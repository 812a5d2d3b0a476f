"""ListHomeTimeline: tweets of followed users and of the caller, newest first."""

from __future__ import annotations

from aviary.timeline.v1 import timeline_service_pb2 as pb
from mesh.caller import Caller
from mesh.errors import InvalidArgument, PermissionDenied
from mesh.paging import Paging, page_size
from timeline_svc.convert import add_items
from timeline_svc.home.page import HomeReader

DEFAULT_PAGE_SIZE = 50
LARGEST_PAGE = 200


async def list_home_timeline(
    request: pb.ListHomeTimelineRequest, *, caller: Caller, home: HomeReader, paging: Paging
) -> pb.ListHomeTimelineResponse:
    """Only one's own timeline can be read. A token continues the list that its arguments describe."""
    viewer_id = caller.user_id
    if request.user_id not in (0, viewer_id):
        raise PermissionDenied("NOT_OWNER", "a home timeline is shown to its owner only")
    if request.HasField("followed") and not request.followed:
        raise InvalidArgument.field("followed", "must be true or absent; use ListUserTweets for one user's tweets")
    expansions = sorted(set(request.expansions))
    arguments = ("ListHomeTimeline", request.since_id, *expansions)
    page = await home.read(
        viewer_id,
        below=paging.decode(request.page_token, arguments=arguments, caller_id=viewer_id),
        since=request.since_id,
        size=page_size(request.page_size, default=DEFAULT_PAGE_SIZE, most=LARGEST_PAGE),
        expansions=expansions,
    )
    response = pb.ListHomeTimelineResponse(
        next_page_token=paging.encode(page.position, arguments=arguments, caller_id=viewer_id),
        includes=page.seen.includes,
        degraded=sorted(page.degraded),
    )
    add_items(response, page.seen.tweets, viewer_id=viewer_id)
    return response

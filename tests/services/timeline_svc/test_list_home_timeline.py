"""ListHomeTimeline through its stub: what a viewer sees, page by page."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from aviary.type.v1 import tweet_pb2
from tests.services.timeline_svc.conftest import Home, ids_of
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.world import World
from tests.support.running import failure, issue_service_token, issue_user_token

ANN, BOB, CYD, DAN = 101, 102, 103, 104


async def test_a_viewer_sees_followed_authors_and_themselves_newest_first(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    first, strange, own, last = world.post(BOB), world.post(CYD), world.post(ANN), world.post(BOB)
    page = await home.read(ANN)
    assert ids_of(page) == [last, own, first]
    assert strange not in ids_of(page)
    assert [item.reason for item in page.items] == [
        pb.TIMELINE_REASON_FOLLOWED_AUTHOR,
        pb.TIMELINE_REASON_OWN,
        pb.TIMELINE_REASON_FOLLOWED_AUTHOR,
    ]
    assert page.items[0].tweet.content == f"tweet {last}"
    assert page.items[0].tweet.counts.likes_count == 3
    assert page.items[0].tweet.viewer.liked
    assert not page.degraded
    assert not page.next_page_token


async def test_a_viewer_who_follows_nobody_sees_an_empty_last_page(home: Home) -> None:
    for _ in range(2):
        page = await home.read(ANN)
        assert not page.items
        assert not page.next_page_token


@pytest.mark.parametrize("page_size", [1, 7, 200])
async def test_pages_are_disjoint_and_their_union_is_the_whole(home: Home, world: World, page_size: int) -> None:
    world.follow(ANN, BOB, CYD)
    for author in (BOB, CYD, ANN) * 9:
        world.post(author)
    assert await home.walk(ANN, page_size=page_size) == world.home(ANN)
    assert await home.walk(ANN, page_size=page_size) == world.home(ANN)


async def test_a_token_is_given_if_and_only_if_there_is_more(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 6)
    assert not (await home.read(ANN, page_size=6)).next_page_token
    assert (await home.read(ANN, page_size=5)).next_page_token


async def test_a_token_is_not_given_when_all_that_is_left_is_deleted(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    ids = world.post_many(BOB, 6)
    await home.read(ANN)
    for tweet_id in ids[3:]:
        await home.delete(tweet_id)
    page = await home.read(ANN, page_size=3)
    assert ids_of(page) == ids[:3]


async def test_the_default_page_has_fifty_and_the_largest_two_hundred(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 210)
    assert len((await home.read(ANN)).items) == 50
    assert len((await home.read(ANN, page_size=1_000)).items) == 200


async def test_a_walk_goes_on_below_what_the_store_keeps(home: Home, world: World) -> None:
    world.follow(ANN, BOB, CYD)
    for _ in range(500):
        world.post(BOB)
        world.post(CYD)
    assert await home.walk(ANN, page_size=150) == world.home(ANN)


async def test_since_id_walks_down_to_it_and_ends(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    ids = world.post_many(BOB, 12)
    assert await home.walk(ANN, page_size=3, since_id=ids[8]) == ids[:8]
    assert await home.ids(ANN, since_id=ids[0]) == []
    assert await home.ids(ANN, since_id=2**63 - 1) == []


async def test_a_deleted_tweet_is_gone_and_does_not_shorten_the_page(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    ids = world.post_many(BOB, 10)
    await home.read(ANN, page_size=1)
    await home.delete(ids[2])
    assert await home.ids(ANN, page_size=4) == [ids[0], ids[1], ids[3], ids[4]]


async def test_an_author_who_is_no_longer_followed_is_not_shown(home: Home, world: World) -> None:
    world.follow(ANN, BOB, CYD)
    theirs = [(world.post(BOB), world.post(CYD))[1] for _ in range(30)]
    await home.read(ANN)
    world.unfollow(ANN, BOB)
    assert await home.walk(ANN, page_size=4) == theirs[::-1]


async def test_a_timeline_of_nothing_but_unfollowed_tweets_ends_on_its_first_page(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 700)
    await home.read(ANN)
    world.unfollow(ANN, BOB)
    page = await home.read(ANN, page_size=5)
    assert not page.items
    assert not page.next_page_token


async def test_the_authors_are_included_once_when_asked_for(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 3)
    stub = TimelineServiceStub(home.channel(issue_user_token(ANN)))
    page = await stub.ListHomeTimeline(
        pb.ListHomeTimelineRequest(expansions=[tweet_pb2.EXPANSION_AUTHOR, tweet_pb2.EXPANSION_AUTHOR])
    )
    assert [user.user_id for user in page.includes.users] == [BOB]


async def test_a_full_page_asks_the_graph_once_and_engagement_once(home: Home, world: World, traffic: Traffic) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 40)
    await home.read(ANN, page_size=20)
    traffic.calls.clear()
    await home.read(ANN, page_size=20)
    assert dict(traffic.calls) == {"GetReadContext": 1, "BatchGetEngagement": 1}


async def test_refilling_a_page_asks_the_graph_only_about_further_authors(
    home: Home, world: World, traffic: Traffic
) -> None:
    world.follow(ANN, BOB)
    ids = world.post_many(BOB, 60)
    await home.walk(ANN, page_size=60)
    for tweet_id in ids[:15]:
        await home.delete(tweet_id)
    traffic.calls.clear()
    await home.read(ANN, page_size=20)
    assert traffic.calls["GetReadContext"] == 1
    assert traffic.calls["BatchGetEngagement"] == 1


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.ListHomeTimelineRequest(page_token="!"), "PAGE_TOKEN_INVALID", "pageToken"),
        (pb.ListHomeTimelineRequest(page_size=-1), "VALIDATION_FAILED", "pageSize"),
        (pb.ListHomeTimelineRequest(since_id=-1), "VALIDATION_FAILED", "sinceId"),
        (pb.ListHomeTimelineRequest(followed=False), "VALIDATION_FAILED", "followed"),
        (pb.ListHomeTimelineRequest.FromString(b"\x30\x63"), "VALIDATION_FAILED", "expansions[0]"),
    ],
)
async def test_bad_input_names_the_field(
    home: Home, request_: pb.ListHomeTimelineRequest, reason: str, field: str
) -> None:
    stub = TimelineServiceStub(home.channel(issue_user_token(ANN)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ListHomeTimeline(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failure(caught.value).reason == reason
    assert [violation.field for violation in failure(caught.value).violations] == [field]


async def test_nobody_reads_the_timeline_of_somebody_else(home: Home) -> None:
    assert not (await home.read(ANN, user_id=ANN)).items
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await home.read(ANN, user_id=BOB)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert failure(caught.value).reason == "NOT_OWNER"


async def test_a_token_of_another_caller_or_list_is_refused(home: Home, world: World) -> None:
    world.follow(ANN, BOB)
    world.post_many(BOB, 9)
    token = (await home.read(ANN, page_size=2)).next_page_token
    for viewer, since in ((DAN, 0), (ANN, 1)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await home.read(viewer, page_token=token, since_id=since)
        assert failure(caught.value).reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize(
    "issue", [str, lambda: issue_service_token("tweet_svc"), lambda: issue_user_token(ANN, ["tweet:write"])]
)
async def test_only_users_who_may_read_timelines_are_answered(home: Home, issue: Callable[[], str]) -> None:
    token = issue()
    stub = TimelineServiceStub(home.channel(token))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ListHomeTimeline(pb.ListHomeTimelineRequest())
    expected = grpc.StatusCode.PERMISSION_DENIED if token else grpc.StatusCode.UNAUTHENTICATED
    assert caught.value.code() is expected

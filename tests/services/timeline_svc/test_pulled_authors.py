"""Authors with too many followers to push to are pulled when a timeline is read, by the same order and cursor."""

from __future__ import annotations

import pytest

from aviary.type.v1 import tweet_pb2
from tests.services.timeline_svc.conftest import Home, ids_of
from tests.services.timeline_svc.neighbours import Traffic
from tests.services.timeline_svc.world import World
from tests.support.wait_until import wait_until
from timeline_svc.model import AuthorClass, Status
from timeline_svc.store import TimelineStore

ANN, BOB, STAR, IDOL = 101, 102, 201, 202


async def is_built(lists: TimelineStore) -> bool:
    return (await lists.state(STAR)).status is Status.READY


@pytest.fixture(params=[AuthorClass.PULL, AuthorClass.BOTH])
def stars(request: pytest.FixtureRequest, world: World) -> World:
    """A world with two stars that ANN follows beside BOB."""
    world.classes |= {STAR: request.param, IDOL: request.param}
    world.follow(ANN, BOB, STAR, IDOL)
    return world


@pytest.mark.parametrize("page_size", [1, 5, 60])
async def test_pulled_and_pushed_ids_make_one_timeline(home: Home, stars: World, page_size: int) -> None:
    for author in (BOB, STAR, STAR, IDOL, ANN) * 8:
        stars.post(author)
    assert await home.walk(ANN, page_size=page_size) == stars.home(ANN)
    assert await home.walk(ANN, page_size=page_size) == stars.home(ANN)


async def test_a_list_is_built_by_the_first_reader_and_answers_the_next(
    home: Home, stars: World, lists: TimelineStore, traffic: Traffic
) -> None:
    ids = stars.post_many(STAR, 5)
    assert await home.ids(ANN) == ids

    await wait_until(lambda: is_built(lists))
    traffic.calls.clear()
    assert await home.ids(ANN, page_size=4) == ids[:4]
    assert dict(traffic.calls) == {"GetReadContext": 1, "BatchGetEngagement": 1}


async def test_what_is_pushed_into_a_list_is_on_the_next_page(home: Home, stars: World, lists: TimelineStore) -> None:
    stars.post(STAR)
    await home.read(ANN)

    await wait_until(lambda: is_built(lists))
    new = stars.post(STAR)
    await lists.push(new, [STAR])
    assert await home.ids(ANN) == stars.home(ANN)


async def test_a_long_list_is_walked_to_its_end(home: Home, stars: World, lists: TimelineStore) -> None:
    stars.post_many(STAR, 450)
    stars.post_many(BOB, 10)
    assert await home.walk(ANN, page_size=90) == stars.home(ANN)

    await wait_until(lambda: is_built(lists))
    assert await home.walk(ANN, page_size=90) == stars.home(ANN)


async def test_an_unfollowed_star_is_not_shown(home: Home, stars: World) -> None:
    stars.post_many(STAR, 5)
    kept = stars.post_many(IDOL, 3)
    await home.read(ANN)
    stars.unfollow(ANN, STAR)
    assert await home.walk(ANN, page_size=2) == kept


async def test_deleted_tweets_leave_the_lists(home: Home, stars: World, lists: TimelineStore) -> None:
    ids = stars.post_many(STAR, 5)
    await home.read(ANN)

    await wait_until(lambda: is_built(lists))
    await home.delete(ids[1])
    assert await home.ids(ANN, page_size=2) == [ids[0], ids[2]]

    async def is_gone() -> bool:
        page = await lists.page(STAR, below=0, limit=10)
        return page is not None and ids[1] not in page.ids

    await wait_until(is_gone)


async def test_a_page_goes_without_pulled_authors_when_they_cannot_be_had(
    home: Home, world: World, traffic: Traffic
) -> None:
    world.classes[STAR] = AuthorClass.PULL
    world.follow(ANN, BOB)
    world.post_many(STAR, 5)
    pushed = world.post_many(BOB, 3)
    await home.read(ANN)
    world.follow(ANN, STAR)
    traffic.down.add("tweet.ListAuthorTweetIds")
    page = await home.read(ANN)
    assert ids_of(page) == pushed
    assert list(page.degraded) == [tweet_pb2.DEGRADED_PART_PULLED_AUTHORS]
    traffic.down.clear()
    assert ids_of(await home.read(ANN)) == world.home(ANN)

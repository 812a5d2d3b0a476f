"""Home timelines are complete and in order, and pages of any size are disjoint and end where there is no more."""

from __future__ import annotations

import asyncio

import pytest

from tests.mesh.support.actions import follow, home, home_becomes, post, sign_up_many, walk
from tests.mesh.support.api import Api, Person
from tests.mesh.support.history import History
from tests.mesh.support.story import Story


@pytest.fixture
async def reader(api: Api) -> tuple[Person, Person, History]:
    """A reader of three authors with ten tweets each, one of these authors, and what was done."""
    story = Story(api)
    viewer, stranger, *authors = await sign_up_many(api, 5)
    await story.follow(viewer, *authors)
    await asyncio.gather(*(story.post_many(author, 10) for author in [*authors, stranger]))
    await story.comes_true([viewer])
    return viewer, authors[0], story.history


@pytest.mark.parametrize("page_size", [1, 7, 15, 30, 200])
async def test_every_tweet_of_every_followee_is_there_once_in_order_at_any_page_size(
    api: Api, reader: tuple[Person, Person, History], page_size: int
) -> None:
    viewer, _, history = reader
    assert await home(api, viewer, page_size=page_size) == history.home_of(viewer)


async def test_pages_do_not_shift_while_tweets_are_written(api: Api, reader: tuple[Person, Person, History]) -> None:
    viewer, author, history = reader
    at_the_start = history.home_of(viewer)
    seen: list[int] = []
    token = ""
    while True:
        page = await api.get(f"/v1/timelines/home?page_size=4&page_token={token}", by=viewer)
        seen += [int(item["tweet"]["tweetId"]) for item in page["items"]]
        token = page["nextPageToken"]
        if not token:
            break
        history.posted(author, await post(api, author, "in between"), "in between")
    assert seen == at_the_start
    await home_becomes(api, viewer, history.home_of(viewer))


async def test_a_full_last_page_has_no_token(api: Api, reader: tuple[Person, Person, History]) -> None:
    viewer, author, _ = reader
    first = await api.get("/v1/timelines/home?page_size=15", by=viewer)
    last = await api.get(f"/v1/timelines/home?page_size=15&page_token={first['nextPageToken']}", by=viewer)
    assert (len(first["items"]), len(last["items"]), last["nextPageToken"]) == (15, 15, "")
    whole = await api.get(f"/v1/users/{author.user_id}/tweets?page_size=10", by=viewer)
    assert (len(whole["tweets"]), whole["nextPageToken"]) == (10, "")


async def test_new_items_can_be_asked_for_alone(api: Api, reader: tuple[Person, Person, History]) -> None:
    viewer, author, history = reader
    newest = history.home_of(viewer)[0]
    assert await walk(api, f"/v1/timelines/home?since_id={newest}", "items", by=viewer) == []
    new = [await post(api, author, f"news {number}") for number in range(3)]
    for tweet in new:
        history.posted(author, tweet, "news")
    await home_becomes(api, viewer, history.home_of(viewer))
    items = await walk(api, f"/v1/timelines/home?since_id={newest}", "items", by=viewer, page_size=2)
    assert [int(item["sortId"]) for item in items] == sorted(new, reverse=True)


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
async def test_followers_likers_and_replies_page_newest_first(api: Api, page_size: int) -> None:
    author, *people = await sign_up_many(api, 4)
    tweet = await post(api, author, "look")
    replies = []
    for person in people:
        await follow(api, person, author)
        await api.insist("PUT", f"/v1/tweets/{tweet}/like", {}, by=person)
        replies.append(await post(api, person, "seen", reply_to=tweet))
    newest_first = [str(person.user_id) for person in reversed(people)]

    followers = await walk(api, f"/v1/users/{author.user_id}/followers", "followers", page_size=page_size)
    likes = await walk(api, f"/v1/tweets/{tweet}/likes", "likes", page_size=page_size)
    answered = await walk(api, f"/v1/tweets/{tweet}/replies", "replies", page_size=page_size)

    assert [each["userId"] for each in followers] == newest_first
    assert [each["userId"] for each in likes] == newest_first
    assert [int(each["tweetId"]) for each in answered] == replies[::-1]

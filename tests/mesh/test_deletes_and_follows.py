"""What was deleted or unfollowed is not shown, what was followed is, and everybody sees their own writes."""

from __future__ import annotations

import asyncio

from tests.mesh.support.actions import (
    delete,
    follow,
    home,
    home_becomes,
    post,
    sign_up,
    unfollow,
    walk,
)
from tests.mesh.support.api import Api, Person
from tests.mesh.support.running_mesh import RunningMesh

# From so long after a delete's answer no page that is built shows the tweet.
GONE_SECONDS = 1.0


async def shown_anywhere(api: Api, tweet: int, *, author: Person, viewer: Person, parent: int) -> list[str]:
    """The pages that show a tweet."""
    found = []
    if tweet in await home(api, viewer):
        found.append("home of a follower")
    if tweet in await home(api, author):
        found.append("home of the author")
    lists = {
        f"/v1/users/{author.user_id}/tweets": "tweets",
        f"/v1/tweets/{parent}/replies": "replies",
    }
    for target, items in lists.items():
        if any(int(each["tweetId"]) == tweet for each in await walk(api, target, items, page_size=100)):
            found.append(target)
    if (await api.get(f"/v1/tweets:batchGet?tweet_ids={tweet}"))["tweets"]:
        found.append("batchGet")
    if (await api.call("GET", f"/v1/tweets/{tweet}")).status != 404:
        found.append("get")
    return found


async def test_a_second_after_its_delete_a_tweet_is_on_no_page(api: Api) -> None:
    author, viewer = await sign_up(api), await sign_up(api)
    await follow(api, viewer, author)
    parent = await post(api, author, "stays")
    tweet = await post(api, author, "goes", reply_to=parent)
    await home_becomes(api, viewer, [tweet, parent])
    await delete(api, author, tweet)
    await asyncio.sleep(GONE_SECONDS)
    assert await shown_anywhere(api, tweet, author=author, viewer=viewer, parent=parent) == []
    answer = await api.call("GET", f"/v1/tweets/{tweet}")
    assert (answer.status, answer.reason) == (404, "TWEET_NOT_FOUND")
    assert await home(api, viewer) == [parent]
    await delete(api, author, tweet)


async def test_fan_out_that_comes_after_the_delete_brings_nothing_back(mesh: RunningMesh, api: Api) -> None:
    author, viewer = await sign_up(api), await sign_up(api)
    await follow(api, viewer, author)
    parent = await post(api, author, "stays")
    await home_becomes(api, viewer, [parent])
    mesh.control("stop", "timeline_svc-work")
    try:
        tweet = await post(api, author, "goes before it arrives", reply_to=parent)
        await delete(api, author, tweet)
    finally:
        mesh.control("start", "timeline_svc-work")
    after = await post(api, author, "arrives last")
    await home_becomes(api, viewer, [after, parent], at_most=15)
    assert await shown_anywhere(api, tweet, author=author, viewer=viewer, parent=parent) == []


async def test_the_next_read_after_an_unfollow_is_clean_and_a_follow_brings_the_recent_tweets(api: Api) -> None:
    author, viewer = await sign_up(api), await sign_up(api)
    own = await post(api, viewer, "my own")
    tweets = [await post(api, author, f"number {number}") for number in range(3)]
    await home_becomes(api, viewer, [own])
    await follow(api, viewer, author)
    await home_becomes(api, viewer, [*reversed(tweets), own])
    await unfollow(api, viewer, author)
    assert await home(api, viewer) == [own]
    await follow(api, viewer, author)
    await home_becomes(api, viewer, [*reversed(tweets), own])


async def test_own_writes_are_in_their_answer_in_the_next_read_and_soon_in_the_own_timeline(api: Api) -> None:
    person, other = await sign_up(api), await sign_up(api)
    body = {"content": "mine"}
    written = await api.insist("POST", "/v1/tweets", body, by=person, key="own-1")
    tweet = int(written["tweet"]["tweetId"])
    assert written["tweet"]["content"] == "mine"
    assert (await api.get(f"/v1/tweets/{tweet}", by=person))["tweet"]["content"] == "mine"

    changed = await api.insist("PATCH", "/v1/me", {"bio": "writes tests", "displayName": "P."}, by=person)
    assert changed["user"]["bio"] == "writes tests"
    profile = await api.get("/v1/me", by=person)
    assert (profile["user"]["bio"], profile["user"]["displayName"]) == ("writes tests", "P.")

    liked = await api.insist("PUT", f"/v1/tweets/{tweet}/like", {}, by=person)
    assert (liked["liked"], liked["likesCount"]) == (True, 1)
    assert (await api.get(f"/v1/tweets/{tweet}", by=person))["tweet"]["viewer"]["liked"] is True

    await follow(api, person, other)
    assert (await api.get(f"/v1/users/{other.user_id}", by=person))["relationship"]["following"] is True
    await home_becomes(api, person, [tweet])

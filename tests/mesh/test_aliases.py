"""Paths of clients of other generations answer as the canonical ones do, with what those clients send."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mesh.support.actions import PASSWORD, home_becomes, post, sign_up
from tests.mesh.support.api import Answer, Api, Person


@pytest.fixture
async def pair(api: Api) -> tuple[Person, Person]:
    """A reader and an author."""
    return await sign_up(api, "reader"), await sign_up(api, "author")


def assert_alias(answer: Answer, status: int = 200) -> None:
    """It answers, and says that there is a newer path."""
    assert answer.status == status, answer.json
    assert "deprecation" in answer.headers
    assert 'rel="successor-version"' in answer.headers["link"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/tweet", {}),
        ("/tweet/", {}),
        ("/api/v1/tweets", {"media_ids": [1, 2], "userId": "someone"}),
        ("/tweets", {}),
        ("/api/v1/postTweet", {"userId": "4711", "images": []}),
    ],
)
async def test_posts(api: Api, pair: tuple[Person, Person], path: str, more: dict[str, Any]) -> None:
    _, author = pair
    answer = await api.call("POST", path, {"content": f"by {path}"} | more, by=author)
    assert_alias(answer, 201)
    tweet = answer.json["tweet"]
    assert (tweet["content"], tweet["userId"]) == (f"by {path}", str(author.user_id))


async def test_follows(api: Api, pair: tuple[Person, Person]) -> None:
    reader, author = pair

    async def follows() -> bool:
        profile = await api.get(f"/v1/users/{author.user_id}", by=reader)
        return bool(profile["relationship"]["following"])

    number = author.user_id
    follow: list[tuple[str, str, object]] = [
        ("POST", f"/user/{number}/follow", {}),
        ("POST", "/api/v1/follow", {"userId": str(number), "private": False}),
        ("POST", f"/user/follow/{author.username}", {}),
    ]
    unfollow: list[tuple[str, str, object]] = [
        ("POST", f"/user/{number}/unfollow", None),
        ("POST", f"/user/{number}/unfollow", {}),
        ("DELETE", f"/user/follow/{author.username}", None),
    ]
    for on, off in zip(follow, unfollow, strict=True):
        assert_alias(await api.call(*on, by=reader))
        assert await follows()
        assert_alias(await api.call(*off, by=reader))
        assert not await follows()


async def test_feeds(api: Api, pair: tuple[Person, Person]) -> None:
    reader, author = pair
    await api.insist("POST", f"/user/{author.user_id}/follow", {}, by=reader)
    tweet = await post(api, author, "for the feed")
    await home_becomes(api, reader, [tweet])
    number = reader.user_id
    paths = [f"/user/{number}/feed", f"/api/v1/{number}/tweets?followed=true", "/tweet", "/tweet/", "/me/tweets"]
    for path in paths:
        answer = await api.call("GET", path, by=reader)
        assert_alias(answer)
        assert [item["tweet"]["tweetId"] for item in answer.json["items"]] == [str(tweet)]
    others = await api.call("GET", f"/user/{author.user_id}/feed", by=reader)
    assert (others.status, others.reason) == (403, "NOT_OWNER")
    not_followed = await api.call("GET", f"/api/v1/{number}/tweets?followed=false", by=reader)
    assert (not_followed.status, not_followed.fields) == (400, ["followed"])


async def test_likes(api: Api, pair: tuple[Person, Person]) -> None:
    reader, author = pair
    tweet = await post(api, author, "likeable")
    on: list[tuple[str, str, object]] = [
        ("POST", f"/tweet/{tweet}/like", {}),
        ("PUT", f"/tweet/{tweet}/like", {"liked": True}),
        ("POST", "/api/v1/like", {"tweetId": str(tweet), "userId": str(reader.user_id)}),
    ]
    for method, path, body in on:
        liked = await api.call(method, path, body, by=reader)
        assert_alias(liked)
        assert liked.json["liked"] is True
        listed = await api.call("GET", f"/tweet/{tweet}/likes")
        assert_alias(listed)
        assert listed.json["likesCount"] == 1
        assert [each["userId"] for each in listed.json["likes"]] == [str(reader.user_id)]
        taken_back = await api.call("PUT", f"/tweet/{tweet}/like", {"liked": False}, by=reader)
        assert_alias(taken_back)
        assert taken_back.json["liked"] is False


async def test_accounts(api: Api, pair: tuple[Person, Person]) -> None:
    reader, _ = pair
    name = f"alias_{reader.user_id}"
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    created = await api.call("POST", "/users", body)
    assert_alias(created, 201)
    number = created.json["user"]["userId"]
    session = await api.call("POST", "/login", {"login": name, "password": PASSWORD})
    assert_alias(session, 201)
    person = Person(name, int(number), session.json["tokens"]["accessToken"])
    for method, path in (
        ("PUT", f"/users/{number}"),
        ("POST", f"/api/v1/{number}/profile"),
        ("PUT", f"/api/v1/{number}/profile"),
    ):
        changed = await api.call(method, path, {"bio": f"{method} {path}", "unknownToUs": 1}, by=person)
        assert_alias(changed)
        seen = await api.call("GET", f"/users/{number}")
        assert_alias(seen)
        assert (seen.json["user"]["bio"], seen.json["user"]["displayName"]) == (f"{method} {path}", name)


async def test_tweets(api: Api, pair: tuple[Person, Person]) -> None:
    _, author = pair
    tweet = await post(api, author, "to be read")
    seen = await api.call("GET", f"/tweets/{tweet}")
    assert_alias(seen)
    assert seen.json["tweet"]["content"] == "to be read"
    listed = await api.call("GET", f"/users/{author.user_id}/tweets")
    assert_alias(listed)
    assert [each["tweetId"] for each in listed.json["tweets"]] == [str(tweet)]
    assert_alias(await api.call("DELETE", f"/tweets/{tweet}", by=author))
    assert (await api.call("GET", f"/tweets/{tweet}")).status == 404


async def test_the_canonical_paths_are_not_said_to_be_old(api: Api, pair: tuple[Person, Person]) -> None:
    _, author = pair
    answer = await api.call("POST", "/v1/tweets", {"content": "new"}, by=author)
    assert answer.status == 201
    assert "deprecation" not in answer.headers

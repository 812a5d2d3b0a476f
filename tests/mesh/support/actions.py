"""What people do, in one line each. Every write carries a key, so that it may be repeated."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import Any

from tests.mesh.support.api import Api, Person
from tests.mesh.support.history import PROMISED
from tests.support.wait_until import wait_until

PASSWORD = "correct horse 7"
FOLLOW_SECONDS = 5.0
_numbers = itertools.count()


async def sign_up(api: Api, name: str = "person") -> Person:
    """A new account whose username begins with `name`, logged in."""
    username = f"{name}_{next(_numbers)}_{secrets.token_hex(3)}"
    body = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
    account = await api.insist("POST", "/v1/users", body, key=username)
    person = Person(username, int(account["user"]["userId"]), token="")
    await log_in(api, person)
    return person


async def log_in(api: Api, person: Person) -> None:
    """The person has a new token."""
    session = await api.insist("POST", "/v1/sessions", {"login": person.username, "password": PASSWORD})
    person.token = session["tokens"]["accessToken"]


async def sign_up_many(api: Api, count: int, name: str = "person") -> list[Person]:
    """So many of them."""
    return list(await asyncio.gather(*(sign_up(api, name) for _ in range(count))))


async def post(api: Api, author: Person, text: str, *, key: str = "", reply_to: int = 0) -> int:
    """A tweet, and its id."""
    body: dict[str, object] = {"content": text}
    if reply_to:
        body["inReplyToTweetId"] = str(reply_to)
    answer = await api.insist("POST", "/v1/tweets", body, by=author, key=key or secrets.token_hex(8))
    return int(answer["tweet"]["tweetId"])


async def delete(api: Api, author: Person, tweet_id: int) -> None:
    """The author's tweet is gone."""
    await api.insist("DELETE", f"/v1/tweets/{tweet_id}", by=author)


async def follow(api: Api, follower: Person, followee: Person) -> None:
    """One follows the other."""
    await api.insist("PUT", f"/v1/users/{followee.user_id}/follow", {}, by=follower)


async def unfollow(api: Api, follower: Person, followee: Person) -> None:
    """One follows the other no longer."""
    await api.insist("DELETE", f"/v1/users/{followee.user_id}/follow", by=follower)


async def like(api: Api, who: Person, tweet_id: int) -> None:
    """Somebody likes a tweet."""
    await api.insist("PUT", f"/v1/tweets/{tweet_id}/like", {}, by=who)


async def unlike(api: Api, who: Person, tweet_id: int) -> None:
    """Somebody likes a tweet no longer."""
    await api.insist("DELETE", f"/v1/tweets/{tweet_id}/like", by=who)


async def walk(api: Api, target: str, items: str, *, by: Person | None = None, page_size: int = 200) -> list[Any]:
    """All items of a list, page by page. No page may be larger than asked, and only the last has no token."""
    found: list[Any] = []
    token = ""
    separator = "&" if "?" in target else "?"
    while True:
        page = await api.get(f"{target}{separator}page_size={page_size}&page_token={token}", by=by)
        assert len(page[items]) <= page_size
        found += page[items]
        token = page["nextPageToken"]
        if not token:
            return found
        assert page[items], "an empty page that is not the last"


async def home(api: Api, viewer: Person, *, page_size: int = 200) -> list[int]:
    """The ids of the viewer's whole home timeline."""
    items = await walk(api, "/v1/timelines/home", "items", by=viewer, page_size=page_size)
    return [int(item["tweet"]["tweetId"]) for item in items]


async def home_becomes(api: Api, viewer: Person, expected: list[int], *, at_most: float = FOLLOW_SECONDS) -> None:
    """Fails unless the viewer's home timeline is `expected` within `at_most` seconds.

    When that is as much as a timeline promises, older tweets may follow.
    """
    seen: list[int] = []

    async def is_there() -> bool:
        whole = await home(api, viewer)
        seen[:] = whole[:PROMISED] if len(expected) == PROMISED else whole
        return seen == expected

    try:
        await wait_until(is_there, at_most=at_most)
    except AssertionError:
        missing, extra = sorted(set(expected) - set(seen)), sorted(set(seen) - set(expected))
        raise AssertionError(
            f"home timeline of {viewer} after {at_most} s: {len(missing)} of {len(expected)} missing {missing[:5]},"
            f" {len(extra)} extra {extra[:5]}, {len(seen) - len(set(seen))} twice"
        ) from None

"""The main job through the edge, each call shown as a curl line: on fresh data, and by `make tour`."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dev_mesh.api import ApiError, call_api
from dev_mesh.http_client import HttpClient, NoAnswer, open_http

UNAVAILABLE = 503
MOST_TRIES = 10
LONGEST_ANSWER = 400
LONGEST_STRING = 70
_EMPTY: tuple[object, ...] = ("", 0, False, [], {})
# A tweet reaches its followers' timelines well within this.
TIMELINE_WITHIN = timedelta(seconds=5)


class TourFailed(Exception):
    """A call was not answered as it should be; the message shows it."""


@dataclass(frozen=True, slots=True)
class _Person:
    username: str
    user_id: str
    token: str

    @property
    def variable(self) -> str:
        """The shell variable that stands for the token in the lines shown."""
        return self.username.partition("_")[0].upper()


class _Guide:
    """Makes calls and shows them."""

    def __init__(self, client: HttpClient, edge_url: str, say: Callable[[str], None]) -> None:
        self._client = client
        self._edge_url = edge_url
        self._say = say

    async def show(
        self,
        title: str,
        method: str,
        target: str,
        body: Mapping[str, object] | None = None,
        *,
        by: _Person | None = None,
    ) -> Any:  # noqa: ANN401 - JSON is what it is
        """Make the call, print it and its answer, and return the answer's JSON. Raises TourFailed."""
        answer = await self.call(method, target, body, by=by)
        self._say(f"{title}\n  {self._curl(method, target, body, by)}\n  {_shortened(answer)}")
        return answer

    async def call(
        self, method: str, target: str, body: Mapping[str, object] | None = None, *, by: _Person | None = None
    ) -> Any:  # noqa: ANN401 - JSON is what it is
        """As `show`, without a word. Under its key a call that has no answer yet may be made again."""
        key, token = secrets.token_hex(8) if method == "POST" else "", by.token if by else ""
        for _ in range(MOST_TRIES):
            try:
                return await call_api(self._client, method, target, body, token=token, key=key)
            except (ApiError, NoAnswer) as failure:
                failed = failure
                if isinstance(failure, ApiError) and failure.status != UNAVAILABLE:
                    break
                # Stores that have only just started may take longer than a call may.
                await asyncio.sleep(1)
        raise TourFailed(f"{method} {target}: {failed}") from failed

    def _curl(self, method: str, target: str, body: Mapping[str, object] | None, by: _Person | None) -> str:
        words = ["curl"]
        if method not in {"GET", "POST"}:
            words.append(f"-X {method}")
        if by:
            words.append(f'-H "authorization: Bearer ${by.variable}"')
        if body is not None:
            words.append(f"--json '{json.dumps(body)}'")
        return " ".join([*words, f"'{self._edge_url}{target}'"])


async def tour(edge_url: str, say: Callable[[str], None]) -> None:
    """Two people sign up; one follows the other, reads, replies and likes. Adds two accounts and two tweets.

    Raises TourFailed.
    """
    suffix = secrets.token_hex(3)
    async with open_http(edge_url) as client:
        guide = _Guide(client, edge_url, say)
        say("a tour; $ADA and $GRACE are the accessToken of their logins; what is empty in an answer is left out")
        ada = await _arrive(guide, f"ada_{suffix}")
        grace = await _arrive(guide, f"grace_{suffix}")
        await guide.show("Ada follows Grace", "PUT", f"/v1/users/{grace.user_id}/follow", {}, by=ada)
        text = "The most dangerous phrase is: we have always done it this way."
        posted = await guide.show("Grace posts", "POST", "/v1/tweets", {"content": text}, by=grace)
        tweet_id = posted["tweet"]["tweetId"]
        await _delivered(guide, tweet_id, by=ada)
        await guide.show("Ada reads her home timeline", "GET", "/v1/timelines/home?page_size=1", by=ada)
        reply = {"content": "@grace Then we shall do it another way.", "inReplyToTweetId": tweet_id}
        await guide.show("Ada replies", "POST", "/v1/tweets", reply, by=ada)
        await guide.show("Ada likes the tweet", "PUT", f"/v1/tweets/{tweet_id}/like", {}, by=ada)
        await guide.show("Everybody sees the counts", "GET", f"/v1/tweets/{tweet_id}")
        await guide.show("Grace's profile", "GET", f"/v1/users/by-username/{grace.username}")


async def _arrive(guide: _Guide, username: str) -> _Person:
    password = secrets.token_urlsafe(12)
    sign_up = {"username": username, "email": f"{username}@example.com", "password": password}
    account = await guide.show(f"{username} signs up", "POST", "/v1/users", sign_up)
    session = await guide.show("and logs in", "POST", "/v1/sessions", {"login": username, "password": password})
    return _Person(username, account["user"]["userId"], session["tokens"]["accessToken"])


async def _delivered(guide: _Guide, tweet_id: str, *, by: _Person) -> None:
    try:
        async with asyncio.timeout(TIMELINE_WITHIN.total_seconds()):
            while True:
                page = await guide.call("GET", "/v1/timelines/home?page_size=1", by=by)
                if any(item["tweet"]["tweetId"] == tweet_id for item in page["items"]):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TourFailed(f"the tweet is not in the timeline after {TIMELINE_WITHIN.total_seconds():.0f} s") from None


def _shortened(answer: object) -> str:
    text = json.dumps(_told(answer), ensure_ascii=False)
    return text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]} ..."


def _told(value: object) -> object:
    """The value without what is empty, and with long strings cut."""
    if isinstance(value, dict):
        told = {name: _told(part) for name, part in value.items()}
        return {name: part for name, part in told.items() if part not in _EMPTY}
    if isinstance(value, list):
        return [_told(part) for part in value]
    if isinstance(value, str) and len(value) > LONGEST_STRING:
        return f"{value[:LONGEST_STRING]}..."
    return value

"""Fills a running mesh through its public API: people, follows, posts. A rerun adds what is missing, nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dev_mesh.api import ApiError, call_api
from dev_mesh.http_client import HttpClient, NoAnswer, open_http
from dev_mesh.progress import for_each
from dev_mesh.texts import author_of, person, text_of
from mesh.clock import Clock

# Everybody's. These accounts are for trying things out on one's own machine.
PASSWORD = "try me at home"  # noqa: S105 - printed on purpose, see above
AT_ONCE = 16
MOST_TRIES = 8


class SeedFailed(Exception):
    """A call that did not succeed however often it was tried."""


# Busy, late or away: worth another try. Every call here may be repeated.
_PASSING = frozenset({429, 503, 504})


@dataclass(slots=True)
class _Account:
    number: int
    user_id: str = ""
    token: str = ""


class _Loader:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def sign_up(self, account: _Account) -> None:
        who = person(account.number)
        body = {"username": who.username, "email": who.email, "password": PASSWORD}
        body |= {"displayName": who.display_name, "bio": who.bio}
        try:
            await self._patiently("POST", "/v1/users", body, key=f"seed-{account.number}")
        except ApiError as error:
            if error.reason != "USERNAME_TAKEN":
                raise
        await self.log_in(account)

    async def log_in(self, account: _Account) -> None:
        body = {"login": person(account.number).username, "password": PASSWORD}
        session = await self._patiently("POST", "/v1/sessions", body)
        account.user_id, account.token = session["userId"], session["tokens"]["accessToken"]

    async def act(self, account: _Account, method: str, target: str, body: dict[str, object], *, key: str = "") -> None:
        """A write of somebody whose token may have expired in between."""
        try:
            await self._patiently(method, target, body, token=account.token, key=key)
        except ApiError as error:
            if error.status != 401:
                raise
            await self.log_in(account)
            await self._patiently(method, target, body, token=account.token, key=key)

    async def _patiently(
        self, method: str, target: str, body: dict[str, Any], *, token: str = "", key: str = ""
    ) -> Any:  # noqa: ANN401 - JSON is what it is
        for attempt in range(1, MOST_TRIES + 1):
            try:
                return await call_api(self._client, method, target, body, token=token, key=key)
            except (ApiError, NoAnswer) as failure:
                if attempt == MOST_TRIES or (isinstance(failure, ApiError) and failure.status not in _PASSING):
                    raise
            await asyncio.sleep(0.1 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


async def seed(edge_url: str, *, follows: Sequence[tuple[int, int]], people: int, posts: int, clock: Clock) -> None:
    """Sign `people` up, make the `follows` between their numbers, and post `posts` texts.

    Raises SeedFailed when the mesh does not take something; run it again then.
    """
    accounts = [_Account(number) for number in range(people)]
    async with open_http(edge_url, connections=AT_ONCE) as client:
        loader = _Loader(client)

        async def follow(pair: tuple[int, int]) -> None:
            follower, followee = (accounts[number] for number in pair)
            await loader.act(follower, "PUT", f"/v1/users/{followee.user_id}/follow", {})

        async def post(number: int) -> None:
            author = accounts[author_of(number, people=people)]
            body: dict[str, object] = {"content": text_of(number, people=people)}
            await loader.act(author, "POST", "/v1/tweets", body, key=f"seed-{people}-{number}")

        try:
            await for_each("people", accounts, loader.sign_up, at_once=AT_ONCE, clock=clock)
            await for_each("follows", follows, follow, at_once=AT_ONCE, clock=clock)
            await for_each("posts", range(posts), post, at_once=AT_ONCE, clock=clock)
        except* (ApiError, NoAnswer) as failures:
            raise SeedFailed(str(failures.exceptions[0])) from None
    print(f"log in as {person(0).username}, or any other of them, with the password {PASSWORD!r}")

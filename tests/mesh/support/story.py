"""People who act through the API, with everything that was acknowledged written down."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from tests.mesh.support import actions
from tests.mesh.support.api import Api, Person
from tests.mesh.support.history import History


class Story:
    """Actions of `tests.mesh.support.actions`, and the history that follows from their answers."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.history = History()

    async def post(self, author: Person, text: str = "", *, key: str = "") -> int:
        """A tweet with a text of its own, and its id."""
        text = text or f"{author.username} says {secrets.token_hex(4)}"
        tweet_id = await actions.post(self.api, author, text, key=key)
        self.history.posted(author, tweet_id, text)
        return tweet_id

    async def post_many(self, author: Person, count: int) -> None:
        """So many, one after the other."""
        for _ in range(count):
            await self.post(author)

    async def follow(self, follower: Person, *followees: Person) -> None:
        """One follows others; nobody follows themselves."""
        for followee in followees:
            if followee is not follower:
                await actions.follow(self.api, follower, followee)
                self.history.followed(follower, followee)

    async def unfollow(self, follower: Person, followee: Person) -> None:
        """One follows the other no longer."""
        await actions.unfollow(self.api, follower, followee)
        self.history.unfollowed(follower, followee)

    async def comes_true(self, people: Iterable[Person], *, at_most: float = actions.FOLLOW_SECONDS) -> None:
        """Fails unless everybody's home timeline is what the history says within `at_most` seconds each."""
        for person in people:
            await actions.home_becomes(self.api, person, self.history.home_of(person), at_most=at_most)

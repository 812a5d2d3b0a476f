"""All that a mesh shows to everybody, in a form that can be compared."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.faults.chaos.people import People
from tests.mesh.support.actions import walk
from tests.support.wait_until import wait_until

# A page may lack counts when the machine is busy, and says so: it is asked for again.
SAME_SECONDS = 20.0


async def everything(people: People) -> dict[str, str]:
    """The digest of each list and account: timelines, tweets, replies, likes, followers, following, with all counts."""
    digests = {}
    for person in people.everybody:
        user = f"/v1/users/{person.user_id}"
        digests[f"timeline of {person.username}"] = _digest(
            await walk(people.api, "/v1/timelines/home", "items", by=person)
        )
        digests[f"account {person.username}"] = _digest(await people.api.get(user))
        for items in ("tweets", "followers", "following"):
            found = await walk(people.api, f"{user}/{items}", items, page_size=100)
            digests[f"{items} of {person.username}"] = _digest(found)
    for tweet in people.history.texts():
        digests[f"replies of {tweet}"] = _digest(
            await walk(people.api, f"/v1/tweets/{tweet}/replies", "replies", page_size=100)
        )
    for tweet in people.likers.keys() - people.deleted:
        digests[f"likes of {tweet}"] = _digest(
            await walk(people.api, f"/v1/tweets/{tweet}/likes", "likes", page_size=100)
        )
    return digests


async def changes(people: People, before: dict[str, str]) -> list[str]:
    """What is not as it was; nothing when all is so within 20 s."""
    changed: list[str] = []

    async def is_as_before() -> bool:
        now = await everything(people)
        changed[:] = sorted(what for what in before | now if before.get(what) != now.get(what))
        return not changed

    try:
        await wait_until(is_as_before, at_most=SAME_SECONDS)
    except AssertionError:
        return changed
    return []


def sha256(digests: dict[str, str]) -> str:
    """One for all."""
    return _digest(digests)


def _digest(found: Any) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()

"""People and texts that look real. The same number always gives the same person and the same text."""

from __future__ import annotations

import random
from dataclasses import dataclass

_FIRST = (
    "amara", "bjorn", "carmen", "dmitri", "elena", "farid", "grace", "hana", "imran", "jonas", "keiko", "lucia",
    "mateo", "noor", "olga", "pablo", "quinn", "rosa", "samir", "tove", "uma", "viktor", "wanda", "yusuf", "zoe",
)  # fmt: skip
_TOPICS = (
    "baking",
    "bees",
    "chess",
    "cycling",
    "film",
    "gardening",
    "jazz",
    "maps",
    "python",
    "running",
    "sailing",
    "tea",
)
_OPENINGS = (
    "Finally tried", "Can't stop thinking about", "Unpopular opinion on", "Two hours into", "Today's lesson from",
    "Nobody tells you this about", "Small win with", "Question about", "Three things I learned from", "Still proud of",
)  # fmt: skip
_MIDDLES = (
    "it is harder than it looks", "worth every minute", "the second try is the good one", "start small and keep going",
    "my neighbour was right all along", "it rained the whole time", "I would do it again tomorrow",
    "patience beats talent", "the old book had the answer", "it works, and I do not know why",
)  # fmt: skip
_ENDINGS = (
    "",
    "",
    "",
    " Thoughts?",
    " 🙂",
    " More soon.",
    " 日本でも同じですか。",
    " Ça marche !",
    " https://example.com/notes",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to sign up."""

    username: str
    display_name: str
    bio: str

    @property
    def email(self) -> str:
        """An address of a domain that belongs to nobody (RFC 2606)."""
        return f"{self.username}@example.com"


def person(number: int) -> Person:
    """The person of a number."""
    chance = random.Random(f"person {number}")  # noqa: S311 - repeatable, not secret
    first = chance.choice(_FIRST)
    likes, also = chance.sample(_TOPICS, 2)
    return Person(f"{first}_{number}", first.capitalize(), f"{likes.capitalize()}, {also}, and long walks.")


def author_of(post: int, *, people: int) -> int:
    """Who writes a post. Some write much more than others."""
    chance = random.Random(f"author {post}")  # noqa: S311 - repeatable, not secret
    return min(int(chance.expovariate(4 / people)), people - 1)


def text_of(post: int, *, people: int) -> str:
    """What the post says, at most 200 characters."""
    chance = random.Random(f"post {post}")  # noqa: S311 - repeatable, not secret
    topic = chance.choice(_TOPICS)
    mention = f" @{person(chance.randrange(people)).username}" if chance.random() < 0.15 else ""
    hashtag = f" #{topic}" if chance.random() < 0.4 else ""
    opening, middle, ending = chance.choice(_OPENINGS), chance.choice(_MIDDLES), chance.choice(_ENDINGS)
    return f"{opening} {topic}: {middle}.{ending}{hashtag}{mention}"

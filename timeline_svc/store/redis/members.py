"""How ids and marks are written in a timeline's sorted set: so that the newest comes first, in the order of text.

An id is what is missing from it to 19 nines, as 19 digits. All scores are 0: a score is a double and would merge ids.
Redis puts a member in by walking from the first one, and most ids that come are the newest: at the front that walk is
short, and so is that of a page.
"""

from __future__ import annotations

NINES = 10**19 - 1
# What a page begins at that begins at the newest id; marks sort before it.
NEWEST = "[0"
# A mark is two characters, then a generation or a floor, then dots.
READY = b"!f"
FLOOR = slice(2, 21)


def member(tweet_id: int) -> str:
    """An id as it stands in a timeline."""
    return f"{NINES - tweet_id:019d}"


def id_of(member: bytes) -> int:
    """What `member` made of it."""
    return NINES - int(member)


def floor_of(mark: bytes) -> int | None:
    """From where up a timeline with this mark is complete; None while it is being built."""
    return id_of(mark[FLOOR]) if mark.startswith(READY) else None

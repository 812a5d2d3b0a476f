"""What a viewer does not get to see, and why. Pure: it knows no message and asks nobody."""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum


class DropReason(StrEnum):
    """Why a tweet is not on a page; also the label of the metric."""

    DELETED = "deleted"
    UNKNOWN = "unknown"
    NOT_FOLLOWED = "not_followed"


def drop_reason(
    *, author_id: int | None, is_deleted: bool, viewer_id: int, followed_ids: Container[int]
) -> DropReason | None:
    """Why this tweet is not in the viewer's home timeline, or None when it is.

    `author_id` is None when no body was found. One's own tweets stay, and so do those of authors followed now:
    ids of the others may still be stored in the timeline.
    """
    if is_deleted:
        return DropReason.DELETED
    if author_id is None:
        return DropReason.UNKNOWN
    if author_id != viewer_id and author_id not in followed_ids:
        return DropReason.NOT_FOLLOWED
    return None

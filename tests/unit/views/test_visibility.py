"""What a home timeline leaves out, and the reason given."""

from __future__ import annotations

import pytest

from views.visibility import DropReason, drop_reason

VIEWER, FOLLOWED, STRANGER = 1, 2, 3


@pytest.mark.parametrize(
    ("author_id", "is_deleted", "reason"),
    [
        (FOLLOWED, False, None),
        (VIEWER, False, None),
        (STRANGER, False, DropReason.NOT_FOLLOWED),
        (None, False, DropReason.UNKNOWN),
        (None, True, DropReason.DELETED),
        (FOLLOWED, True, DropReason.DELETED),
        (VIEWER, True, DropReason.DELETED),
    ],
)
def test_a_tweet_is_kept_only_when_it_is_live_and_its_author_is_followed_or_the_viewer(
    author_id: int | None, is_deleted: bool, reason: DropReason | None
) -> None:
    said = drop_reason(author_id=author_id, is_deleted=is_deleted, viewer_id=VIEWER, followed_ids={FOLLOWED})
    assert said == reason


def test_who_follows_nobody_still_sees_their_own_tweets() -> None:
    assert drop_reason(author_id=VIEWER, is_deleted=False, viewer_id=VIEWER, followed_ids=()) is None
    assert drop_reason(author_id=FOLLOWED, is_deleted=False, viewer_id=VIEWER, followed_ids=()) is not None

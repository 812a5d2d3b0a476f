"""Stretches of a timeline, put together."""

from __future__ import annotations

from timeline_svc.model import Stretch, merge_stretches


def test_the_merge_is_in_order_and_has_each_id_once() -> None:
    assert merge_stretches([Stretch([9, 5, 1], 0), Stretch([9, 7], 0)], most=10) == Stretch([9, 7, 5, 1], 0)


def test_the_merge_covers_only_what_every_part_covers() -> None:
    assert merge_stretches([Stretch([9, 5], 5), Stretch([8, 3], 0)], most=10) == Stretch([9, 8, 5], 5)


def test_the_merge_of_too_many_covers_down_to_the_last_one_kept() -> None:
    assert merge_stretches([Stretch([9, 7], 0), Stretch([8, 6], 0)], most=3) == Stretch([9, 8, 7], 7)


def test_a_stretch_that_is_empty_down_to_the_end_hides_nothing() -> None:
    assert merge_stretches([Stretch([], 0), Stretch([2, 1], 0)], most=5) == Stretch([2, 1], 0)
    assert merge_stretches([], most=5) == Stretch([], 0)

"""Every way through the stages of an author, and that there is no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from graph_svc.author_class import UNSETTLED, Bounds, Stage, Standing, stage_after_work, stage_for_count
from graph_svc.model import AuthorClass

BOUNDS = Bounds(pull_at=10, back_at=8, both_for=timedelta(seconds=60))
BEGAN = 1_800_000_000_000_000
EARLY = BEGAN + 59_999_999
LATE = BEGAN + 60_000_000

PUSHED = (Stage.PUSH, Stage.PUSHING, Stage.CLEANING)
PULLED = (Stage.INDEXING, Stage.INDEXED, Stage.PULL)


@pytest.mark.parametrize("count", [10, 11, 10_000_000])
@pytest.mark.parametrize("stage", Stage)
def test_at_the_threshold_an_author_turns_to_pull_from_wherever_it_is(stage: Stage, count: int) -> None:
    assert stage_for_count(stage, count, BOUNDS) == (Stage.INDEXING if stage in PUSHED else None)


@pytest.mark.parametrize("count", [0, 7, 8])
@pytest.mark.parametrize("stage", Stage)
def test_back_at_the_lower_bound_an_author_turns_to_push_from_wherever_it_is(stage: Stage, count: int) -> None:
    assert stage_for_count(stage, count, BOUNDS) == (Stage.PUSHING if stage in PULLED else None)


@pytest.mark.parametrize("stage", Stage)
def test_between_the_bounds_every_author_goes_on(stage: Stage) -> None:
    assert stage_for_count(stage, 9, BOUNDS) is None


@pytest.mark.parametrize("stage", Stage)
def test_no_count_turns_an_author_for_ever(stage: Stage) -> None:
    """Also with a lower bound that is none: the way back begins below the threshold."""
    careless = Bounds(pull_at=3, back_at=8_000, both_for=timedelta())
    for count in range(10):
        turned = stage_for_count(stage, count, careless) or stage
        assert stage_for_count(turned, count, careless) is None


@pytest.mark.parametrize(
    ("standing", "now_us", "facts", "expected"),
    [
        (Standing(1, Stage.INDEXING, BEGAN, cursor=5), LATE, {}, None),
        (Standing(1, Stage.INDEXING, BEGAN, cursor=0), BEGAN, {}, Stage.INDEXED),
        (Standing(1, Stage.INDEXED, BEGAN), EARLY, {}, None),
        (Standing(1, Stage.INDEXED, BEGAN), LATE, {}, Stage.PULL),
        (Standing(1, Stage.PUSHING, BEGAN), LATE, {"is_confirmed": False}, None),
        (Standing(1, Stage.PUSHING, BEGAN), EARLY, {"is_confirmed": True}, None),
        (Standing(1, Stage.PUSHING, BEGAN), LATE, {"is_confirmed": True}, Stage.CLEANING),
        (Standing(1, Stage.CLEANING, BEGAN, cursor=5), LATE, {}, None),
        (Standing(1, Stage.CLEANING, BEGAN, cursor=0), BEGAN, {}, Stage.PUSH),
        (Standing(1, Stage.PUSH, BEGAN), LATE, {"is_confirmed": True}, None),
        (Standing(1, Stage.PULL, BEGAN), LATE, {"is_confirmed": True}, None),
    ],
)
def test_a_stage_ends_by_its_own_work_and_time(
    standing: Standing, now_us: int, facts: dict[str, bool], expected: Stage | None
) -> None:
    assert stage_after_work(standing, now_us=now_us, bounds=BOUNDS, **facts) == expected


def test_a_clock_set_back_makes_both_last_longer() -> None:
    assert stage_after_work(Standing(1, Stage.INDEXED, BEGAN), now_us=BEGAN - 1, bounds=BOUNDS) is None


def test_the_class_goes_push_both_pull_both_push() -> None:
    way = (Stage.PUSH, Stage.INDEXING, Stage.INDEXED, Stage.PULL, Stage.PUSHING, Stage.CLEANING, Stage.PUSH)
    assert [stage.author_class for stage in way] == [
        AuthorClass.PUSH,
        AuthorClass.BOTH,
        AuthorClass.BOTH,
        AuthorClass.PULL,
        AuthorClass.BOTH,
        AuthorClass.PUSH,
        AuthorClass.PUSH,
    ]


@pytest.mark.parametrize("stage", Stage)
def test_nothing_skips_both(stage: Stage) -> None:
    """Whatever happens, PUSH and PULL are never neighbours."""
    nexts = {stage_for_count(stage, count, BOUNDS) for count in (0, 9, 10)}
    for cursor in (0, 5):
        standing = Standing(1, stage, BEGAN, cursor=cursor)
        nexts.add(stage_after_work(standing, now_us=LATE, bounds=BOUNDS, is_confirmed=True))
    for following in filter(None, nexts):
        assert {stage.author_class, following.author_class} != {AuthorClass.PUSH, AuthorClass.PULL}


def test_only_settled_stages_wait_for_the_count_alone() -> None:
    for stage in Stage:
        standing = Standing(1, stage, BEGAN)
        ends = stage_after_work(standing, now_us=LATE, bounds=BOUNDS, is_confirmed=True)
        assert (ends is not None) == (stage in UNSETTLED)

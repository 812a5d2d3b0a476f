"""The suite bites: a store that breaks one rule of the floor fails it. Each rule lost tweets when it was broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import signature
from typing import cast

import pytest

from mesh.clock import SystemClock
from mesh.storage.redis_pipeline import PipelinedRedis
from tests.conformance.timeline_store import (
    test_building,
    test_fanout_records,
    test_looking_from_outside,
    test_merges,
    test_pushes_and_pages,
)
from tests.conformance.timeline_store.broken import (
    AlwaysTheSameOwner,
    AnyBuilderFinishes,
    BackfillLeavesTheFloor,
    ContentsOfAPage,
    ContentsWhileBuilding,
    FollowDroppedWhileBuilding,
    PushCreates,
    PushRefusedWhileBuilding,
    RepeatsAdd,
    RepeatsAreLater,
    TrimLeavesTheFloor,
)
from tests.conformance.timeline_store.cases import Make
from timeline_svc.model import TimelineLimits
from timeline_svc.store import TimelineStore
from timeline_svc.store.memory import MemoryFanoutRecords, MemoryTimelineStore
from timeline_svc.store.redis import RedisTimelineStore, Scripts, home_keys, script_texts
from timeline_svc.store.redis.scripts import ScriptName

Promise = Callable[[Make], Awaitable[None]]

PROMISES: dict[str, Promise] = {
    name: cast("Promise", promise)
    for module in (test_building, test_looking_from_outside, test_merges, test_pushes_and_pages)
    for name, promise in vars(module).items()
    if name.startswith("test_") and "make" in signature(promise).parameters
}


async def broken_promises(make: Make) -> set[str]:
    broken = set()
    for name, promise in PROMISES.items():
        try:
            await promise(make)
        except AssertionError:
            broken.add(name)
    return broken


@pytest.mark.parametrize(
    ("store", "promise"),
    [
        (TrimLeavesTheFloor, "test_a_trim_keeps_the_newest_and_moves_the_floor"),
        (PushCreates, "test_a_push_to_an_absent_timeline_creates_nothing"),
        (PushRefusedWhileBuilding, "test_a_push_while_building_is_kept"),
        (BackfillLeavesTheFloor, "test_a_merge_that_is_cut_raises_the_floor"),
        (FollowDroppedWhileBuilding, "test_a_merge_leaves_what_is_being_built_and_says_so"),
        (ContentsWhileBuilding, "test_there_are_no_contents_of_what_is_absent_or_being_built"),
        (ContentsOfAPage, "test_contents_are_all_ids_down_to_the_floor"),
        (AlwaysTheSameOwner, "test_every_owner_comes_up_and_no_other"),
        (AnyBuilderFinishes, "test_a_slow_build_is_taken_over_and_cannot_finish"),
    ],
)
async def test_a_store_that_breaks_a_rule_fails_the_suite(store: type[MemoryTimelineStore], promise: str) -> None:
    assert promise in await broken_promises(lambda limits: store(limits=limits, clock=SystemClock()))


@pytest.mark.parametrize("records", [RepeatsAdd, RepeatsAreLater])
async def test_records_that_break_a_rule_fail_the_suite(records: type[MemoryFanoutRecords]) -> None:
    with pytest.raises(AssertionError):
        await test_fanout_records.test_a_repeat_replaces_the_link_and_keeps_the_time_of_the_first_run(records())


FLOOR_MOVES = "call('ZREM', key, mark)\n    call('ZADD', key, '0', complete_from(oldest))"
ABSENT_IS_EMPTY = """
  if not mark then
    mark = complete_from(string.rep('9', 19))
    call('ZADD', key, '0', mark)
  end"""


@pytest.mark.parametrize(
    ("script", "rule", "instead", "promise"),
    [
        ("push", FLOOR_MOVES, "", "test_a_trim_keeps_the_newest_and_moves_the_floor"),
        (
            "push",
            "local mark = mark_of(key)",
            f"local mark = mark_of(key){ABSENT_IS_EMPTY}",
            "test_a_push_to_an_absent_timeline_creates_nothing",
        ),
        ("push", "if mark and", "if mark and not is_building(mark) and", "test_a_push_while_building_is_kept"),
        ("push", "and mark >= highest_floor", "", "test_a_push_below_the_floor_is_not_taken"),
        ("push", "most_members and", "most_members + 1 and", "test_a_trim_keeps_the_newest_and_moves_the_floor"),
        ("push", "and not is_building(mark)", "", "test_pushes_while_building_are_trimmed_when_it_is_ready"),
        ("merge", "if ARGV[1] < floor", "if false", "test_a_merge_that_is_cut_raises_the_floor"),
        ("merge", "positions[#positions + 1] = position", "", "test_a_merge_leaves_what_is_being_built_and_says_so"),
        (
            "finish_build",
            "if mark ~= building(ARGV[1])",
            "if not mark",
            "test_a_slow_build_is_taken_over_and_cannot_finish",
        ),
    ],
)
async def test_a_script_that_breaks_a_rule_fails_the_suite(
    pipeline: PipelinedRedis, script: ScriptName, rule: str, instead: str, promise: str
) -> None:
    texts = script_texts()
    assert rule in texts[script]
    texts[script] = texts[script].replace(rule, instead)

    def make(limits: TimelineLimits) -> TimelineStore:
        return RedisTimelineStore(
            pipeline, key_of=home_keys(16), scripts=Scripts(texts), limits=limits, clock=SystemClock()
        )

    with pytest.raises(AssertionError):
        await PROMISES[promise](make)

"""What the suites of the timeline stores share: three owners, small limits, short ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from timeline_svc.model import TimelineLimits
from timeline_svc.store import TimelineStore

Make = Callable[[TimelineLimits], TimelineStore]

SMALL = TimelineLimits(capacity=10, slack=3)
BRIEF = TimelineLimits(build_expires=timedelta(milliseconds=300), build_taken_over=timedelta(milliseconds=50))
ID = 1_900_000_000_000_000_000
ANN, BOB, CYD = 1_001, 1_002, 1_003


def ids(*numbers: int) -> list[int]:
    return [ID + number for number in numbers]


async def ready(store: TimelineStore, owner_id: int, *numbers: int, floor: int = 0) -> None:
    generation = await store.begin_build(owner_id)
    assert generation is not None
    assert await store.finish_build(owner_id, generation, ids(*numbers), floor=floor)


async def all_of(store: TimelineStore, owner_id: int) -> list[int]:
    page = await store.page(owner_id, below=0, limit=1_000)
    assert page is not None
    return page.ids

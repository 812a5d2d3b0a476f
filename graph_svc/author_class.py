"""When an author's class changes, and through which stages: PUSH, BOTH, PULL and back the same way.

              count at the threshold                    all followers indexed          the minimum time is over
    PUSH  ------------------------->  INDEXING (BOTH)  ----------------->  INDEXED (BOTH)  ------------>  PULL
    CLEANING (PUSH)  <------------------------------------  PUSHING (BOTH)  <-------------------------------'
     '--> PUSH, when all followers  the event is confirmed                   count back at the lower bound
          are out of the index      and the minimum time is over

A count that crosses back while the class is BOTH turns the author around at once: in BOTH every tweet is pushed and
pulled, so both ways on are safe. What was indexed stays until CLEANING, and an index made twice is the same index.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta

from graph_svc.model import AuthorClass

# Followers are worked off newest first: all of them are below this edge id.
BEFORE_THE_NEWEST = 2**63 - 1


class Stage(enum.IntEnum):
    """Where an author stands. The numbers are stored."""

    PUSH = 1
    INDEXING = 2
    INDEXED = 3
    PULL = 4
    PUSHING = 5
    CLEANING = 6

    @property
    def author_class(self) -> AuthorClass:
        """What others see of it."""
        return _CLASSES[self]


_CLASSES = {
    Stage.PUSH: AuthorClass.PUSH,
    Stage.INDEXING: AuthorClass.BOTH,
    Stage.INDEXED: AuthorClass.BOTH,
    Stage.PULL: AuthorClass.PULL,
    Stage.PUSHING: AuthorClass.BOTH,
    Stage.CLEANING: AuthorClass.PUSH,
}

# Stages that end by work or by time. The others wait for the count.
UNSETTLED = (Stage.INDEXING, Stage.INDEXED, Stage.PUSHING, Stage.CLEANING)


@dataclass(frozen=True, slots=True)
class Standing:
    """An author's stage. `version` grows with every write of it, so that a writer can tell that it was not first.

    `since_us` is when the stage began. INDEXING and CLEANING: followers from `cursor` up are done, 0 means all.
    PUSHING: `event_id` is the event that must be confirmed.
    """

    author_id: int
    stage: Stage = Stage.PUSH
    since_us: int = 0
    cursor: int = 0
    event_id: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Followers at which an author is pulled, and back at which pushed again; the time that BOTH lasts at least."""

    pull_at: int
    back_at: int
    both_for: timedelta


def first_cursor(stage: Stage) -> int:
    """Where the work of a stage begins; 0 for one that has none."""
    return BEFORE_THE_NEWEST if stage in (Stage.INDEXING, Stage.CLEANING) else 0


def stage_for_count(stage: Stage, followers_count: int, bounds: Bounds) -> Stage | None:
    """The stage that the count asks for, None to stay. Between the bounds nothing changes.

    The way back begins below `pull_at` in any case: an author would never settle otherwise.
    """
    if followers_count >= bounds.pull_at and stage in (Stage.PUSH, Stage.PUSHING, Stage.CLEANING):
        return Stage.INDEXING
    if followers_count <= min(bounds.back_at, bounds.pull_at - 1) and stage in (
        Stage.INDEXING,
        Stage.INDEXED,
        Stage.PULL,
    ):
        return Stage.PUSHING
    return None


def stage_after_work(standing: Standing, *, now_us: int, bounds: Bounds, is_confirmed: bool = False) -> Stage | None:
    """The stage that follows by work or time, None while the present one lasts.

    `is_confirmed` says of PUSHING that its event is.
    """
    is_over = now_us - standing.since_us >= bounds.both_for / timedelta(microseconds=1)
    match standing.stage:
        case Stage.INDEXING if standing.cursor == 0:
            return Stage.INDEXED
        case Stage.INDEXED if is_over:
            return Stage.PULL
        case Stage.PUSHING if is_over and is_confirmed:
            return Stage.CLEANING
        case Stage.CLEANING if standing.cursor == 0:
            return Stage.PUSH
        case _:
            return None

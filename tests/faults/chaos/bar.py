"""A bar: what befalls a mesh, how often, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from tests.mesh.support.call_log import CallLog


class Scale(Enum):
    """How much of it: a first look, what fits a machine of two cores, or what a release is held to."""

    QUICK = "quick"
    CI = "ci"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Amount:
    """A number for each scale."""

    quick: int
    ci: int
    full: int

    def at(self, scale: Scale) -> int:
        """The one of a scale."""
        return {Scale.QUICK: self.quick, Scale.CI: self.ci, Scale.FULL: self.full}[scale]


@dataclass
class Run:
    """One bar being held: what it goes by, and what was found.

    `seed` decides who does what and what befalls whom; when things happen is up to the machine. `kept` is what the
    names of its files begin with; None when nothing is kept. Every call over HTTP goes into `calls`. A mesh on
    Cassandra begins with a copy of `prepared`, unless that is None.
    """

    bar: str
    seed: int
    scale: Scale
    store: str
    folder: Path
    say: Callable[[str], None]
    kept: Path | None = None
    calls: CallLog = field(default_factory=CallLog)
    prepared: Path | None = None
    figures: dict[str, float] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, what: str, found: object, *, is_so: bool) -> None:
        """Something that must hold. What was found is told when it does not."""
        if not is_so:
            self.broken.append(f"{what}: {str(found)[:300]}")

    @property
    def is_held(self) -> bool:
        """Nothing was found that must not be."""
        return not self.broken


@dataclass(frozen=True, slots=True)
class Bar:
    """A numbered row of the table. `hold` raises AssertionError when it cannot go on.

    One that takes long, or shows little in a short time, is not in the quick table; who asks for it gets it.
    """

    number: str
    title: str
    hold: Callable[[Run], Coroutine[None, None, None]]
    is_quick: bool = True

    def not_quick(self) -> Bar:
        """The same, left out of the quick table."""
        return replace(self, is_quick=False)

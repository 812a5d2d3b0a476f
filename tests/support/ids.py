"""An id source whose ids a test can foresee."""

from __future__ import annotations

from mesh.ids import IdSource


class CountingIds(IdSource):
    """Counts up from `start`."""

    def __init__(self, start: int = 1_000_000_000_000_000_001) -> None:
        self._next = start

    def next_id(self) -> int:
        self._next += 1
        return self._next - 1

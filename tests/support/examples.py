"""How many sequences of a property test a backend is given."""

from __future__ import annotations

USUAL = 200


def examples(backend: str) -> int:
    """A quarter on Cassandra, where a step takes some forty times as long as on SQLite."""
    return USUAL // 4 if backend == "cassandra" else USUAL

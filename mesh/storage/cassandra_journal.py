"""The outbox row as a journal: the state of a call is written down with its event, then applied, then announced.

A batch over several partitions that the cluster itself completes waits for nodes that are dead but not yet known to be.
Each of these statements needs a quorum only, and any process completes what another had no time for.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO

from mesh.errors import Unavailable
from mesh.events.interface import OutboxRow, Place
from mesh.failpoints import fp
from mesh.storage.cassandra import Cassandra
from mesh.storage.cassandra_batch import UnsafeWrite, Write
from mesh.storage.cassandra_outbox_rows import StoredRow

_log = logging.getLogger(__name__)

# Rows that are known to be applied. One that is forgotten is applied once more, and nothing changes.
MOST_APPLIED = 20_000
# Rows whose writes a reader applies at the same time.
APPLIED_AT_ONCE = 32
_HAS_TIMESTAMP = "USING TIMESTAMP ?"
_NULL = -1
_number = struct.Struct(">i").pack


class Journal:
    """What this process knows of the rows of one outbox: which it is just writing, and which are applied."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra
        self._in_progress: set[Place] = set()
        self._applied: OrderedDict[Place, None] = OrderedDict()

    @contextmanager
    def in_progress(self, place: Place) -> Iterator[None]:
        """Within the block a row is written and applied by this process: readers leave it alone."""
        self._in_progress.add(place)
        try:
            yield
        finally:
            self._in_progress.discard(place)

    def is_in_progress(self, place: Place) -> bool:
        """Whether such a block has not ended yet."""
        return place in self._in_progress

    def is_applied(self, stored: StoredRow) -> bool:
        """Whether the state of a row is known to be there."""
        return not stored.writes or stored.place in self._applied

    def note_applied(self, place: Place) -> None:
        """All writes of a row were answered."""
        self._applied[place] = None
        if len(self._applied) > MOST_APPLIED:
            self._applied.popitem(last=False)

    def forget(self, places: Collection[Place]) -> None:
        """The rows are gone."""
        for place in places:
            self._applied.pop(place, None)

    async def apply(self, stored: StoredRow) -> None:
        """Have the writes of a row done, unless they are known to be. Raises Unavailable.

        What else it raises says that they cannot be done at all, by nobody of this version.
        """
        if not self.is_applied(stored):
            await self._cassandra.write("outbox.complete", *decode(stored.writes))
            fp("journal.redone")
            self.note_applied(stored.place)


class FoundRows:
    """Rows that one reader has found and not handed out yet, because their state may not be there."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._found: dict[Place, StoredRow] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, found: Iterable[StoredRow]) -> None:
        """They were read just now."""
        self._found.update((stored.place, stored) for stored in found)

    async def take(self) -> list[OutboxRow]:
        """Those whose state is there by now; what nobody else is at is applied first.

        What cannot be applied for now is tried again the next time. What never can is logged, and left where it is.
        """
        ready: list[OutboxRow] = []
        unknown: list[StoredRow] = []
        for stored in self._found.values():
            if self._journal.is_applied(stored):
                ready.append(stored.row)
            elif not self._journal.is_in_progress(stored.place):
                unknown.append(stored)
        for start in range(0, len(unknown), APPLIED_AT_ONCE):
            some = unknown[start : start + APPLIED_AT_ONCE]
            outcomes = await asyncio.gather(*map(self._journal.apply, some), return_exceptions=True)
            for stored, outcome in zip(some, outcomes, strict=True):
                if outcome is None:
                    ready.append(stored.row)
                elif isinstance(outcome, Unavailable):
                    self._found[stored.place] = self._found.pop(stored.place)  # the others are tried before it
                else:
                    self._leave(stored, outcome)
            if any(isinstance(outcome, Unavailable) for outcome in outcomes):
                break  # one turn waits for a store that is away once
        for row in ready:
            del self._found[row.place]
        return ready

    def _leave(self, stored: StoredRow, failure: BaseException) -> None:
        """It stays in the outbox, where it is met again whenever its bucket is read in full."""
        _log.error("the writes of event %d cannot be applied", stored.place.event_id, exc_info=failure)
        del self._found[stored.place]


def encode(writes: Sequence[Write]) -> bytes:
    """As a row keeps them: how many, and of each its text, how many values, and those; bytes after their length.

    Raises UnsafeWrite for a statement that says no timestamp: applied again, it would undo what is newer.
    """
    parts = [_number(len(writes))]
    for write in writes:
        if _HAS_TIMESTAMP not in write.text:
            raise UnsafeWrite(f"a journaled write without a timestamp of its own: {write.text}")
        text = write.text.encode()
        parts += (_number(len(text)), text, _number(len(write.values)))
        for value in write.values:
            parts += (_number(_NULL),) if value is None else (_number(len(value)), value)
    return b"".join(parts)


def decode(journaled: bytes) -> list[Write]:
    """What was encoded. Raises ValueError for anything else."""
    rest = BytesIO(journaled)

    def number() -> int:
        return int.from_bytes(_whole(rest, 4), signed=True)

    def text() -> str:
        return _whole(rest, number()).decode()

    def value() -> bytes | None:
        length = number()
        return None if length == _NULL else _whole(rest, length)

    return [Write(text(), [value() for _ in range(number())]) for _ in range(number())]


def _whole(rest: BytesIO, length: int) -> bytes:
    part = rest.read(length)
    if len(part) != length:
        raise ValueError("a journal that was cut off")
    return part

"""Statements that are sent together, without the batch log of the cluster: that waits for nodes that do not answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cassandra.query import BatchStatement, BatchType, BoundStatement


class UnsafeWrite(Exception):
    """A defect: what was to be written could be cut off in the middle for good, or undo what is newer."""


@dataclass(frozen=True, slots=True)
class Write:
    """A statement with its values as the servers take them, of the types that its table had then."""

    text: str
    values: Sequence[bytes | None]


def together(bound: Sequence[BoundStatement]) -> BatchStatement:
    """One message for all of them. Each partition takes all that is for it or nothing, whatever the others do."""
    batch = BatchStatement(BatchType.UNLOGGED)
    for each in bound:
        batch.add(each)
    return batch


def in_one_partition(name: str, bound: Sequence[BoundStatement]) -> BatchStatement:
    """One message that is done as a whole or not at all. Raises UnsafeWrite for several partitions."""
    first = bound[0].routing_key
    if first is None or any(each.routing_key != first for each in bound):
        raise UnsafeWrite(f"{name} is in several partitions: it could be cut off between them")
    return together(bound)

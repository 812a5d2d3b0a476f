"""Names of timelines in Redis. What stands in braces is the hash tag: a script may take keys of one tag only."""

from __future__ import annotations

import zlib
from collections.abc import Callable

# Gives the hash tag of an owner's timeline, and its key.
KeyOf = Callable[[int], tuple[int, str]]


def home_keys(shards: int) -> KeyOf:
    """Home timelines: `tl:{<shard>}:<user>`. All processes must use the same number of shards."""

    def key_of(owner_id: int) -> tuple[int, str]:
        shard = zlib.crc32(b"%d" % owner_id) % shards
        return shard, f"tl:{{{shard}}}:{owner_id}"

    return key_of


def author_key(owner_id: int) -> tuple[int, str]:
    """What an author wrote: `author:{<user>}`, each with a tag of its own."""
    return owner_id, f"author:{{{owner_id}}}"

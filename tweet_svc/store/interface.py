"""What a store of tweets promises. It asks for nothing that Cassandra could not keep: rows by id, rows of one author or
one parent in order of id, one compare-and-set for keys; no joins, no scans, no counting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mesh.events.interface import OutboxEvent
from tweet_svc.model import Claim, RequestKey, Tweet


class TweetStore(Protocol):
    """Tweets, the keys of the requests that made them, and the events about them.

    Every method raises Unavailable when the store cannot be reached; a write may have happened then, or may still, and
    lists may show it later than get_many. Repeating the write is always safe. Times are microseconds since 1970.
    """

    async def claim(self, key: RequestKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        """Bind a client's key to one tweet id.

        The first call for a key stores candidate_id and returns Claim(candidate_id, replayed=False).
        Every later call returns the stored id with replayed=True, for at least 24 hours, also after a restart.
        Calls at the same time agree on one id.
        Keys of other users and other methods are other keys.
        Another request_hash raises RequestIdReused and changes nothing.
        """
        ...

    async def insert(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        """Save the tweet and its event together, or neither.

        After insert returns every read sees the tweet.
        Inserting the same tweet again changes nothing, and never brings back a deleted one, however late it comes.
        Of several inserts at the same time each may save the event.
        """
        ...

    async def delete(self, tweet: Tweet, *, announce: OutboxEvent, at_us: int) -> None:
        """Mark the tweet as deleted and save the event, together or neither.

        The text is blanked; author, parent and conversation stay.
        After delete returns no list has the tweet, and get_many gives it as deleted.
        Deleting it again changes nothing. Of several deletes at the same time each may save its event.
        """
        ...

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, Tweet]:
        """Tweets by id, deleted ones too; unknown ids are left out. An id asked twice is answered once."""
        ...

    async def list_author_ids(
        self, user_ids: Sequence[int], *, below: int, above: int, limit: int, exclude_replies: bool = False
    ) -> dict[int, list[int]]:
        """Ids of each author's live tweets, newest first, at most `limit` for each author.

        Only ids below `below` and above `above`, both exclusive; 0 leaves that end open.
        Fewer than `limit` ids mean that the author has no more in the range.
        An author without any is left out.
        With exclude_replies only tweets that answer no other.
        """
        ...

    async def list_reply_ids(self, tweet_id: int, *, below: int, limit: int) -> list[int]:
        """Ids of live direct replies, newest first, at most `limit`; only those below `below`, 0 for the newest.

        Replies to a deleted tweet stay.
        """
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

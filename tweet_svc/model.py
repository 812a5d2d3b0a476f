"""A tweet, the rules of its text, and what can be wrong with a request about it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mesh.errors import FieldViolation, InvalidArgument, NotFound, PermissionDenied

MOST_COMBINING_MARKS = 16

# C0 and C1 controls but line feed and tab, DEL, the byte order mark, the two non-characters of the BMP, surrogates.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tweet:
    """A tweet or a reply. Of a deleted one all but the text is kept."""

    tweet_id: int
    user_id: int
    content: str
    in_reply_to_tweet_id: int
    conversation_id: int
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A client's idempotency key; users and methods do not share keys."""

    user_id: int
    method: str
    key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The tweet id that a key is bound to; `replayed` when an earlier call bound it."""

    tweet_id: int
    replayed: bool


class TweetNotFound(NotFound):
    """There is no such tweet, or not any more."""

    def __init__(self, tweet_id: int) -> None:
        super().__init__("TWEET_NOT_FOUND", "there is no such tweet", metadata={"tweet_id": str(tweet_id)})


class NotTheAuthor(PermissionDenied):
    """Only its author may do this to a tweet."""

    def __init__(self, tweet_id: int) -> None:
        super().__init__("NOT_OWNER", "the tweet is somebody else's", metadata={"tweet_id": str(tweet_id)})


class RequestIdReused(InvalidArgument):
    """The key came with another request before."""

    def __init__(self) -> None:
        text = "was used for another request; a new request needs a new key"
        super().__init__("REQUEST_ID_REUSED", f"requestId: {text}", violations=(FieldViolation("requestId", text),))


def checked_text(content: str, *, max_length: int) -> str:
    """The text as it is stored: in NFC, otherwise as written.

    Raises InvalidArgument for the field content: TWEET_EMPTY, TWEET_TOO_LONG (counted in code points after NFC),
    VALIDATION_FAILED for characters that no text needs.
    """
    if found := _REFUSED.search(content):
        where = f"U+{ord(found[0]):04X} at {found.start()}"
        raise InvalidArgument.field("content", f"has a character that is not allowed: {where}")
    text = unicodedata.normalize("NFC", content)
    if all(_is_blank(char) for char in text):
        raise InvalidArgument.field("content", "must not be empty or blank", reason="TWEET_EMPTY")
    if len(text) > max_length:
        raise _too_long(len(text), max_length)
    if not text.isascii() and _longest_run_of_marks(text) > MOST_COMBINING_MARKS:
        raise InvalidArgument.field("content", f"has more than {MOST_COMBINING_MARKS} combining marks in a row")
    return text


def _is_blank(char: str) -> bool:
    # Cf: joiners and direction marks, which show nothing by themselves.
    return char.isspace() or unicodedata.category(char) == "Cf"


def _longest_run_of_marks(text: str) -> int:
    longest = run = 0
    for char in text:
        run = run + 1 if unicodedata.category(char).startswith("M") else 0
        longest = max(longest, run)
    return longest


def _too_long(length: int, max_length: int) -> InvalidArgument:
    text = f"must have at most {max_length} characters, has {length}"
    return InvalidArgument(
        "TWEET_TOO_LONG",
        f"content: {text}",
        violations=(FieldViolation("content", text),),
        metadata={"max_length": str(max_length), "length": str(length)},
    )

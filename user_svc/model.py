"""An account, the rules of its texts, and what can be wrong with a request about it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from mesh.errors import AlreadyExists, FieldViolation, InvalidArgument, NotFound, Unauthenticated

# C0 and C1 controls, DEL, the byte order mark, the two non-characters of the BMP, surrogates.
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
# They would turn around the text that a page prints after the name.
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is stored; times are microseconds since 1970."""

    user_id: int
    username: str
    email: str = field(repr=False)
    password_hash: str = field(repr=False)
    display_name: str
    bio: str
    location: str
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """New values of a profile; None leaves a field as it is."""

    display_name: str | None = None
    bio: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class SignUpKey:
    """A client's idempotency key. A sign-up has no caller, so its key belongs to the username that it asks for."""

    username: str
    key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The user id that a key is bound to; `replayed` when an earlier call bound it."""

    user_id: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A login. All refresh tokens that came from it belong to it."""

    session_id: int
    user_id: int


class UserNotFound(NotFound):
    """There is no such account."""

    def __init__(self, *, user_id: int = 0, username: str = "") -> None:
        metadata = {"username": username} if username else {"user_id": str(user_id)}
        super().__init__("USER_NOT_FOUND", "there is no such account", metadata=metadata)


class UsernameTaken(AlreadyExists):
    """Somebody has the name, in this or another case."""

    def __init__(self) -> None:
        text = "is taken"
        super().__init__("USERNAME_TAKEN", f"username: {text}", violations=(FieldViolation("username", text),))


class EmailTaken(AlreadyExists):
    """Somebody has the address."""

    def __init__(self) -> None:
        text = "belongs to another account"
        super().__init__("EMAIL_TAKEN", f"email: {text}", violations=(FieldViolation("email", text),))


class RequestIdReused(InvalidArgument):
    """The key came with another request before."""

    def __init__(self) -> None:
        text = "was used for another request; a new request needs a new key"
        super().__init__("REQUEST_ID_REUSED", f"requestId: {text}", violations=(FieldViolation("requestId", text),))


class RefreshTokenInvalid(Unauthenticated):
    """Unknown, revoked, or used before."""

    def __init__(self) -> None:
        super().__init__("CREDENTIALS_INVALID", "the refresh token is not valid; log in again")


class RefreshTokenExpired(Unauthenticated):
    """Past its end."""

    def __init__(self) -> None:
        super().__init__("CREDENTIALS_EXPIRED", "the refresh token has expired; log in again")


def username_key(username: str) -> str:
    """What makes usernames the same: they are ASCII, and their case does not count."""
    return username.lower()


def email_key(email: str) -> str:
    """What makes addresses the same. The case of the local part may count in theory; no real mailbox does it."""
    return email.lower()


def checked_display_name(text: str, *, field_name: str, username: str) -> str:
    """In NFC, without direction marks and outer white space; the username when nothing is left of it.

    Raises InvalidArgument for `field_name`, as do the others here.
    """
    plain = _DIRECTION_MARKS.sub("", _checked(text, field_name))
    return plain.strip() or username


def checked_location(text: str, *, field_name: str) -> str:
    """In NFC, on one line."""
    return _checked(text, field_name).strip()


def checked_bio(text: str, *, field_name: str) -> str:
    """In NFC; line feeds and tabs may stay."""
    _checked(text.replace("\n", " ").replace("\t", " "), field_name)
    return unicodedata.normalize("NFC", text)


def _checked(text: str, field_name: str) -> str:
    if found := _REFUSED.search(text):
        where = f"U+{ord(found[0]):04X} at {found.start()}"
        raise InvalidArgument.field(field_name, f"has a character that is not allowed: {where}")
    return unicodedata.normalize("NFC", text)

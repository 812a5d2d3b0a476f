"""Who is asking: a verified user or service, known for the length of one call."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The subject of a verified token: `user_id` is 0 for services and anonymous callers, `service` is "" for users.

    `token` is the token itself, so that it can be forwarded; it never reaches a log.
    """

    user_id: int = 0
    service: str = ""
    scopes: frozenset[str] = frozenset()
    token: str = ""

    def __repr__(self) -> str:
        return f"Caller(user_id={self.user_id}, service={self.service!r})"


ANONYMOUS = Caller()


@dataclass(frozen=True, slots=True)
class Call:
    """What a call in progress hands on to the calls it makes; `deadline` is the monotonic time it must end by."""

    caller: Caller
    request_id: str
    deadline: float


CURRENT_CALL: ContextVar[Call | None] = ContextVar("current_call", default=None)


def current_caller() -> Caller:
    """The caller of the call in progress; ANONYMOUS outside of one."""
    call = CURRENT_CALL.get()
    return call.caller if call else ANONYMOUS

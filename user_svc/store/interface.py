"""What the stores of accounts and sessions promise. They ask for nothing that Cassandra could not keep: rows by key,
and one compare-and-set for each key, name, address, account and session; no joins, no scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from mesh.events.interface import OutboxEvent
from user_svc.model import Account, Claim, ProfileChange, Session, SignUpKey

# A sign-up that was cut off keeps its name and its address from others for so long. The calls of one take seconds.
SIGN_UPS_END_AFTER = timedelta(minutes=1)


class UserStore(Protocol):
    """Accounts, the keys of the requests that made them, and the events about them.

    Every method raises Unavailable when the store cannot be reached; a write may have happened then.
    Times are microseconds since 1970.
    """

    async def claim(self, key: SignUpKey, *, request_hash: bytes, candidate_id: int, at_us: int) -> Claim:
        """Bind a client's key to one user id.

        The first call for a key stores candidate_id and returns Claim(candidate_id, replayed=False).
        Every later call returns the stored id with replayed=True, for at least 24 hours, also after a restart.
        Calls at the same time agree on one id.
        The username of a key counts without its case; keys of other usernames are other keys.
        Another request_hash raises RequestIdReused and changes nothing.
        """
        ...

    async def create(self, account: Account, *, announce: OutboxEvent, at_us: int) -> Account:
        """Save the account and its event; returns the account as it is stored.

        After create returns every read sees the account. Before that all of it is seen, or nothing.
        No account is without its event. The event may come a moment before its account, once for every call, and be
        there for an account that never comes to be; then nothing else of it is ever seen.
        An id that exists changes nothing, and its stored account is returned.
        A username that another account has, in any case, raises UsernameTaken and changes nothing.
        An address that another account has, in any case, raises EmailTaken and changes nothing.
        Of calls at the same time for one name or address at most one wins. The others may find it taken by one that
        then fails for another reason.
        After Unavailable the same call again gives the account, under the same id. Without one, name and address are
        free for others again, at the latest after SIGN_UPS_END_AFTER.
        """
        ...

    async def update(self, user_id: int, change: ProfileChange, *, announce: OutboxEvent, at_us: int) -> Account | None:
        """Save new values of a profile and the event together, or neither; returns the account after it.

        Fields that are None in the change stay; so does everything else but the time of the update.
        None for an unknown id, which changes nothing and announces nothing.
        """
        ...

    async def get_many(self, user_ids: Sequence[int]) -> dict[int, Account]:
        """Accounts by id; unknown ids are left out."""
        ...

    async def by_usernames(self, usernames: Sequence[str]) -> dict[str, Account]:
        """Accounts by lower-cased username, whatever the case asked in; unknown names are left out."""
        ...

    async def by_email(self, email: str) -> Account | None:
        """The account with this address, in any case."""
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...


class SessionStore(Protocol):
    """Sessions and the hashes of their refresh tokens. Raises Unavailable as UserStore does."""

    async def open_session(self, session: Session, *, token_hash: bytes, expires_us: int, at_us: int) -> None:
        """Save a session with its first refresh token, which is good until expires_us."""
        ...

    async def rotate(self, token_hash: bytes, *, successor_hash: bytes, expires_us: int, at_us: int) -> Session:
        """Exchange a refresh token for its successor, and return their session.

        A token is exchanged once; of calls at the same time one wins.
        A token that was exchanged before raises RefreshTokenInvalid and revokes its session: whoever comes second
        may be the thief or the owner, so from then on every token of the session raises RefreshTokenInvalid.
        Once it is past its own end it may be forgotten: it is as invalid then, but need not revoke anything.
        An unknown token raises RefreshTokenInvalid, one past its end RefreshTokenExpired; both change nothing.
        """
        ...

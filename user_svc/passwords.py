"""Passwords: refused when anybody would guess them, kept as argon2id hashes, checked in threads of a bounded pool.

Parameters: the least that OWASP advises, https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html;
the library's own default takes ten times as long.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from mesh.errors import FieldViolation, InvalidArgument, Unavailable

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
AT_ONCE_PER_CORE = 2
MOST_WAITING = 64

# The most frequent ones of public leaks that are long enough for us.
_COMMON = frozenset(
    """
    00000000 11111111 12121212 11223344 12344321 1234567890 12345678 123456789 1234qwer 123123123 123qwe123
    147258369 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 66666666 87654321 88888888 987654321 99999999 aa123456 aaaaaaaa
    abc12345 abcd1234 abcdefgh admin123 administrator alexander asdf1234 asdfasdf asdfghjk asdfghjkl baseball
    basketball changeme charlie1 computer dragon123 football hello123 iloveyou iloveyou1 internet jennifer
    letmein1 liverpool master123 michael1 michelle monkey123 p@ssw0rd p@ssword passw0rd password password!
    password1 password12 password123 pokemon1 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc qwer1234 qwerty12
    qwerty123 qwertyui qwertyuiop samantha secret123 starwars sunshine superman test1234 trustno1 welcome1
    whatever zaq12wsx zxcvbnm1 zxcvbnm123
    """.split()  # noqa: SIM905 - as a list it would take a hundred lines
)

Result = TypeVar("Result")


def check_strength(password: str, *, username: str, email: str) -> None:
    """Raise InvalidArgument PASSWORD_TOO_WEAK for what is tried first. Its length is the contract's affair."""
    guess = _normal(password).casefold()
    own = {username.casefold(), email.casefold(), email.partition("@")[0].casefold()}
    if guess in _COMMON or guess in own or len(set(guess)) == 1:
        text = "is too easy to guess"
        raise InvalidArgument("PASSWORD_TOO_WEAK", f"password: {text}", violations=(FieldViolation("password", text),))


class Passwords:
    """Hashes and verifies, each call about 25 ms of one core and 19 MiB. Made by `open_passwords`.

    Both raise Unavailable when too many wait already: a queue of logins must not take the machine from everybody.
    """

    def __init__(self, pool: ThreadPoolExecutor, *, at_once: int, most_waiting: int = MOST_WAITING) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
        self._pool = pool
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._most_waiting = most_waiting
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        """A new salted hash, with its parameters in it."""
        return await self._run(partial(self._hasher.hash, _normal(password)))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is of this password. None, for an account that does not exist, costs the same time."""
        matches = await self._run(partial(self._matches, _normal(password), password_hash or self._nobodys_hash))
        return matches and password_hash is not None

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._slots.locked() and self._waiting >= self._most_waiting:
            raise Unavailable.backend("the check of passwords")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        # A thread cannot be stopped: its slot is free when it is done, not when the caller has gone.
        done = asyncio.get_running_loop().run_in_executor(self._pool, work)
        done.add_done_callback(lambda _: self._slots.release())
        return await asyncio.shield(done)


@asynccontextmanager
async def open_passwords(*, cores: int) -> AsyncIterator[Passwords]:
    """A pool of two threads for each core; its threads are waited for at the end."""
    at_once = AT_ONCE_PER_CORE * cores
    with ThreadPoolExecutor(at_once, thread_name_prefix="passwords") as pool:
        yield Passwords(pool, at_once=at_once)


def _normal(password: str) -> str:
    # The same keys give other code points on other systems (RFC 8265, 4.2).
    return unicodedata.normalize("NFC", password)

"""Hashes are argon2id with the parameters decided on, and no more work is taken on than the machine can bear."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from argon2 import Type, extract_parameters

from mesh.errors import InvalidArgument, Unavailable
from tests.support.wait_until import wait_until
from user_svc.passwords import Passwords, check_strength, open_passwords


async def test_a_hash_is_argon2id_with_19_mib_two_passes_and_one_lane() -> None:
    async with open_passwords(cores=1) as passwords:
        found = extract_parameters(await passwords.hash("correct horse"))
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 19 * 1024, 2, 1)


async def test_the_same_password_has_another_hash_each_time_and_verifies() -> None:
    async with open_passwords(cores=1) as passwords:
        hashes = [await passwords.hash("correct horse") for _ in range(2)]
        assert hashes[0] != hashes[1]
        assert all([await passwords.verify("correct horse", each) for each in hashes])
        assert not await passwords.verify("wrong horse", hashes[0])


@pytest.mark.parametrize("password_hash", [None, "", "not a hash", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"])
async def test_nobodys_hash_and_a_broken_one_match_nothing(password_hash: str | None) -> None:
    async with open_passwords(cores=1) as passwords:
        assert not await passwords.verify("correct horse", password_hash)


@contextmanager
def busy_pool(threads: int) -> Iterator[tuple[ThreadPoolExecutor, threading.Event]]:
    """A pool whose threads all wait for the event, and go on at the latest when the block ends."""
    go_on = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(threads):
            pool.submit(go_on.wait)
        try:
            yield pool, go_on
        finally:
            go_on.set()


async def test_two_run_for_each_core_and_the_others_wait_up_to_the_bound() -> None:
    with busy_pool(2) as (pool, go_on):
        passwords = Passwords(pool, at_once=2, most_waiting=3)
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(passwords.hash("correct horse"))
            await wait_until(lambda: passwords._waiting == 3)
            with pytest.raises(Unavailable) as refused:
                await passwords.hash("correct horse")
            go_on.set()
        assert refused.value.retry_after is not None
        assert await passwords.hash("correct horse")


async def test_a_caller_who_leaves_keeps_the_slot_until_the_thread_is_done() -> None:
    with busy_pool(1) as (pool, go_on):
        passwords = Passwords(pool, at_once=1, most_waiting=0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await passwords.hash("correct horse")
        with pytest.raises(Unavailable):
            async with asyncio.timeout(1):
                await passwords.hash("correct horse")
        go_on.set()
        await wait_until(lambda: not passwords._slots.locked())
        assert await passwords.hash("correct horse")


@pytest.mark.parametrize(
    "password", ["password", "PASSWORD1", "qwertyuiop", "aaaaaaaaa", "        ", "annabella", "Anna@B.org", "anna.bell"]
)
def test_what_is_tried_first_is_refused(password: str) -> None:
    email = "anna@b.org" if "@" in password else "anna.bell@b.org"
    with pytest.raises(InvalidArgument) as refused:
        check_strength(password, username="Annabella", email=email)
    assert refused.value.reason == "PASSWORD_TOO_WEAK"
    assert refused.value.message == "password: is too easy to guess"


@pytest.mark.parametrize("password", ["correct horse", "annabella2", "abababab", "пароль-из-слов"])
def test_other_passwords_are_taken(password: str) -> None:
    check_strength(password, username="Annabella", email="anna@b.org")

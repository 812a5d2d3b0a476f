"""What a sign-up or an exchange leaves behind when it is cut off, after each of its steps in turn."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest

from mesh.errors import Unavailable
from tests.conformance.user_store.cases import DAY_US, HASH, NOW_US, Opened, an_account, an_event, create
from tests.conformance.user_store.cut_off import cut_off
from user_svc.model import Account, EmailTaken, RefreshTokenInvalid, Session, SignUpKey, UsernameTaken
from user_svc.store import SIGN_UPS_END_AFTER, UserStore

ENDED_US = NOW_US + SIGN_UPS_END_AFTER // timedelta(microseconds=1)
MOST_STEPS = 40


async def sign_up(users: UserStore, candidate_id: int, *, name: str, email: str = "", at_us: int = NOW_US) -> Account:
    """What the handler does: the key's id, and the account under it."""
    key = SignUpKey(name, "key-1")
    claim = await users.claim(key, request_hash=HASH, candidate_id=candidate_id, at_us=at_us)
    account = an_account(claim.user_id, username=name, email=email or f"{name}@example.org")
    return await users.create(account, announce=an_event(claim.user_id), at_us=at_us)


async def check_whole(opened: Opened, account: Account) -> None:
    """It is found in every way, and announced."""
    assert await opened.users.get_many([account.user_id]) == {account.user_id: account}
    name = account.username.lower()
    assert await opened.users.by_usernames([name]) == {name: account}
    assert await opened.users.by_email(account.email) == account
    assert account.user_id in await opened.announced()


async def test_the_same_sign_up_again_makes_one_account_wherever_the_first_was_cut_off(opened: Opened) -> None:
    for steps in range(MOST_STEPS):
        name = f"ann_{steps}"
        first_id, again_id = 1000 + steps, 2000 + steps
        try:
            await sign_up(cut_off(opened, answered=steps).users, first_id, name=name)
        except Unavailable:
            account = await sign_up(opened.users, again_id, name=name)
            assert account.user_id == first_id
            await check_whole(opened, account)
            assert await opened.users.get_many([again_id]) == {}
            assert await sign_up(opened.users, again_id, name=name) == account
        else:
            assert steps > 1
            return
    pytest.fail("it never came to its end")


async def test_a_name_whose_sign_up_never_came_back_is_free_or_a_whole_account(opened: Opened) -> None:
    free = 0
    for steps in range(MOST_STEPS):
        name, email = f"ann_{steps}", f"ann_{steps}@example.org"
        first_id, other_id = 1000 + steps, 2000 + steps
        try:
            await sign_up(cut_off(opened, answered=steps).users, first_id, name=name)
        except Unavailable:
            other = an_account(other_id, username=name, email=email)
            first = (await opened.users.get_many([first_id])).get(first_id)
            if first is not None:
                await check_whole(opened, first)
                with pytest.raises(UsernameTaken):
                    await opened.users.create(other, announce=an_event(other_id), at_us=ENDED_US)
                continue
            assert await opened.users.by_usernames([name]) == {}
            assert await opened.users.by_email(email) is None
            assert await opened.users.create(other, announce=an_event(other_id), at_us=ENDED_US) == other
            await check_whole(opened, other)
            free += 1
            with pytest.raises(UsernameTaken):
                await sign_up(opened.users, first_id, name=name, at_us=ENDED_US)
            assert await opened.users.get_many([first_id]) == {}
        else:
            assert free
            return
    pytest.fail("it never came to its end")


async def test_a_sign_up_that_lost_its_name_gets_it_when_the_other_fails(opened: Opened) -> None:
    await create(opened.users, an_account(1, email="bob@example.org"))
    for steps in range(MOST_STEPS):
        name, first_id, other_id = f"ann_{steps}", 1000 + steps, 2000 + steps
        try:
            await sign_up(cut_off(opened, answered=steps).users, first_id, name=name)
        except Unavailable:
            other = an_account(other_id, username=name, email="bob@example.org")
            with pytest.raises((EmailTaken, UsernameTaken)):
                await opened.users.create(other, announce=an_event(other_id), at_us=ENDED_US)
            account = await sign_up(opened.users, 3000 + steps, name=name, at_us=ENDED_US)
            assert account.user_id == first_id
            await check_whole(opened, account)
        else:
            return
    pytest.fail("it never came to its end")


async def test_an_address_that_is_taken_leaves_the_name_to_others_at_once(opened: Opened) -> None:
    await create(opened.users, an_account(1, email="ann@example.org"))
    with pytest.raises(EmailTaken):
        await create(opened.users, an_account(2, username="Bob", email="ann@example.org"))
    await create(opened.users, an_account(3, username="bob"), an_account(2, username="cyd"))
    assert {name: account.user_id for name, account in (await opened.users.by_usernames(["bob", "cyd"])).items()} == {
        "bob": 3,
        "cyd": 2,
    }


async def test_the_same_sign_up_at_the_same_time_makes_one_account(opened: Opened) -> None:
    accounts = await asyncio.gather(*(sign_up(opened.users, number, name="ann") for number in range(1, 9)))
    assert len(set(accounts)) == 1
    await check_whole(opened, accounts[0])


async def test_a_late_comer_and_who_takes_its_name_over_are_never_both_accounts(opened: Opened) -> None:
    for steps in range(16):
        name, first_id, other_id = f"ann_{steps}", 1000 + steps, 2000 + steps
        with suppress(Unavailable):
            await sign_up(cut_off(opened, answered=steps).users, first_id, name=name)
        other = an_account(other_id, username=name)
        outcomes = await asyncio.gather(
            sign_up(opened.users, first_id, name=name),
            opened.users.create(other, announce=an_event(other_id), at_us=ENDED_US),
            return_exceptions=True,
        )
        found = list((await opened.users.get_many([first_id, other_id])).values())
        assert len(found) <= 1
        assert list((await opened.users.by_usernames([name])).values()) == found
        assert [outcome for outcome in outcomes if isinstance(outcome, Account)] in ([], found)
        assert {type(outcome) for outcome in outcomes} <= {Account, UsernameTaken, EmailTaken, Unavailable}


async def test_an_exchange_that_was_cut_off_happened_or_did_not(opened: Opened) -> None:
    for steps in count():
        session = Session(100 + steps, 1)
        old, new, third = (bytes([kind, steps]) * 16 for kind in (1, 2, 3))
        end_us = NOW_US + DAY_US
        await opened.sessions.open_session(session, token_hash=old, expires_us=end_us, at_us=NOW_US)
        try:
            await cut_off(opened, answered=steps).sessions.rotate(
                old, successor_hash=new, expires_us=end_us, at_us=NOW_US
            )
        except Unavailable:
            try:
                await opened.sessions.rotate(old, successor_hash=third, expires_us=end_us, at_us=NOW_US)
            except RefreshTokenInvalid:
                with pytest.raises(RefreshTokenInvalid):  # it happened: the repeat has ended the session
                    await opened.sessions.rotate(new, successor_hash=third, expires_us=end_us, at_us=NOW_US)
            else:
                with pytest.raises(RefreshTokenInvalid):  # it did not: nobody has been given the token
                    await opened.sessions.rotate(new, successor_hash=old, expires_us=end_us, at_us=NOW_US)
        else:
            return
        assert steps < MOST_STEPS

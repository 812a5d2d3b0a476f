"""What UserStore promises of accounts: create, update, and the three ways to read them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from mesh.events.interface import OutboxEvent
from tests.conformance.user_store.cases import (
    HOUR_US,
    NOW_US,
    Open,
    Opened,
    an_account,
    an_event,
    create,
    create_many,
)
from user_svc.model import EmailTaken, ProfileChange, UsernameTaken
from user_svc.store import UserStore

UNSAVABLE = OutboxEvent(7, "ev.user.changed.00", cast("bytes", cast("Any", object())))


async def test_after_create_every_read_sees_the_account(users: UserStore) -> None:
    account = an_account(username="Ann_1", email="Ann@Example.org")
    assert await users.create(account, announce=an_event(1), at_us=NOW_US) == account
    assert await users.get_many([1]) == {1: account}
    assert await users.by_usernames(["Ann_1"]) == {"ann_1": account}
    assert await users.by_email("Ann@Example.org") == account


async def test_an_account_is_announced_when_it_is_saved(opened: Opened) -> None:
    await create(opened.users, an_account(1))
    assert await opened.announced() == [1]


async def test_an_account_whose_event_cannot_be_saved_is_not_saved(opened: Opened) -> None:
    with pytest.raises(Exception, match=r"\w"):
        await opened.users.create(an_account(), announce=UNSAVABLE, at_us=NOW_US)
    assert await opened.users.get_many([1]) == {}
    await create(opened.users, an_account())


async def test_an_id_that_exists_changes_nothing_and_gives_what_is_stored(opened: Opened) -> None:
    first = an_account(1)
    again = replace(an_account(1, username="Other"), password_hash="other")
    await create(opened.users, first)
    assert await opened.users.create(again, announce=an_event(1), at_us=NOW_US) == first
    assert await opened.users.get_many([1]) == {1: first}
    assert await opened.users.by_usernames(["Other"]) == {}
    assert await opened.announced() == [1]


@pytest.mark.parametrize("username", ["Ann", "ann", "ANN"])
async def test_a_username_is_taken_in_every_case(opened: Opened, username: str) -> None:
    await create(opened.users, an_account(1, username="Ann"))
    with pytest.raises(UsernameTaken):
        await create(opened.users, an_account(2, username=username, email="other@example.org"))
    assert await opened.users.get_many([1, 2]) == {1: an_account(1, username="Ann")}
    assert await opened.users.by_email("other@example.org") is None
    assert await opened.announced() == [1]


@pytest.mark.parametrize("email", ["ann@example.org", "Ann@Example.ORG"])
async def test_an_address_is_taken_in_every_case(opened: Opened, email: str) -> None:
    await create(opened.users, an_account(1, email="ann@example.org"))
    with pytest.raises(EmailTaken):
        await create(opened.users, an_account(2, email=email))
    assert list(await opened.users.get_many([1, 2])) == [1]
    assert await opened.users.by_usernames(["User_2"]) == {}
    assert await opened.announced() == [1]


async def test_of_calls_at_the_same_time_for_one_name_one_wins(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as one, open_backend(tmp_path) as other:
        outcomes = await asyncio.gather(
            *(
                create(opened.users, an_account(number, username="Ann", email=f"{number}@example.org"))
                for number, opened in enumerate([one, other] * 4, start=1)
            ),
            return_exceptions=True,
        )
        assert outcomes.count(None) == 1
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [UsernameTaken] * 7
        assert len(await one.users.get_many(range(1, 9))) == 1


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (ProfileChange(display_name="Ann B"), {"display_name": "Ann B"}),
        (ProfileChange(bio=""), {"bio": ""}),
        (ProfileChange(bio="new", location="Rome"), {"bio": "new", "location": "Rome"}),
    ],
)
async def test_an_update_changes_what_it_names_and_the_time(
    opened: Opened, change: ProfileChange, changed: dict[str, str]
) -> None:
    account = an_account(1)
    await create(opened.users, account)
    expected = replace(account, updated_us=NOW_US + HOUR_US, **cast("Any", changed))
    assert await opened.users.update(1, change, announce=an_event(9), at_us=NOW_US + HOUR_US) == expected
    assert await opened.users.get_many([1]) == {1: expected}
    assert await opened.announced() == [1, 9]


async def test_an_update_whose_event_cannot_be_saved_does_not_happen(opened: Opened) -> None:
    await create(opened.users, an_account(1))
    with pytest.raises(Exception, match=r"\w"):
        await opened.users.update(1, ProfileChange(bio="new"), announce=UNSAVABLE, at_us=NOW_US)
    assert await opened.users.get_many([1]) == {1: an_account(1)}


async def test_an_update_of_an_unknown_id_changes_nothing_and_announces_nothing(opened: Opened) -> None:
    assert await opened.users.update(5, ProfileChange(bio="new"), announce=an_event(9), at_us=NOW_US) is None
    assert await opened.users.get_many([5]) == {}
    assert await opened.announced() == []


async def test_unknown_ids_and_names_are_left_out(users: UserStore) -> None:
    await create(users, an_account(1), an_account(2))
    assert list(await users.get_many([3, 1])) == [1]
    assert list(await users.by_usernames(["nobody", "USER_2", "user_2"])) == ["user_2"]
    assert await users.by_email("nobody@example.org") is None
    assert await users.get_many([]) == {}
    assert await users.by_usernames([]) == {}


async def test_a_thousand_accounts_come_at_once(users: UserStore) -> None:
    await create_many(users, *(an_account(number) for number in range(1, 1001)))
    assert len(await users.get_many(range(1, 1001))) == 1000
    assert len(await users.by_usernames([f"user_{number}" for number in range(1, 1001)])) == 1000


async def test_accounts_outlive_a_restart(open_backend: Open, tmp_path: Path) -> None:
    async with open_backend(tmp_path) as before:
        await create(before.users, an_account(1))
    async with open_backend(tmp_path) as after:
        assert await after.users.get_many([1]) == {1: an_account(1)}
        await after.users.ping()


def test_what_is_secret_is_not_in_the_text_of_an_account() -> None:
    text = repr(an_account(email="ann@example.org"))
    assert "ann@example.org" not in text
    assert "$argon2id$" not in text

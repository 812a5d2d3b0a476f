"""Any order of calls: the stores answer as small dicts do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.conformance.user_store.cases import BACKENDS, NOW_US, Open, an_account, an_event
from tests.support.examples import examples
from user_svc.model import (
    Account,
    EmailTaken,
    ProfileChange,
    RefreshTokenExpired,
    RefreshTokenInvalid,
    Session,
    UsernameTaken,
)

NAMES = ["ann", "Ann", "bob", "BOB", "cyd"]
TOKENS = [bytes([number]) * 32 for number in range(6)]
LIFETIME_US = 100
STEPS = 30
T = TypeVar("T")


class UserStoreMachine(RuleBasedStateMachine):
    """Calls on the left, dicts on the right."""

    open_backend: Open

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        self.opened = self.wait(self.stack.enter_async_context(type(self).open_backend(folder)))
        self.now_us = NOW_US
        self.accounts: dict[int, Account] = {}
        self.tokens: dict[bytes, tuple[Session, int]] = {}
        self.exchanged: set[bytes] = set()
        self.revoked: set[Session] = set()
        self.touched: list[tuple[int, str]] = []

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.check(*((user_id, name) for user_id, name in zip(range(6), [*NAMES, "dan"], strict=True)))
        finally:
            self.wait(self.stack.aclose())
            self.runner.close()

    @rule(user_id=st.integers(1, 4), username=st.sampled_from(NAMES), mailbox=st.sampled_from(NAMES))
    def create(self, user_id: int, username: str, mailbox: str) -> None:
        account = an_account(user_id, username=username, email=f"{mailbox}@example.org")
        call = self.opened.users.create(account, announce=an_event(user_id), at_us=self.now_us)
        others = self.accounts.values()
        self.touched.append((user_id, username))
        if user_id in self.accounts:
            assert self.wait(call) == self.accounts[user_id]
        elif any(other.username.lower() == username.lower() for other in others):
            with pytest.raises(UsernameTaken):
                self.wait(call)
        elif any(other.email.lower() == account.email.lower() for other in others):
            with pytest.raises(EmailTaken):
                self.wait(call)
        else:
            assert self.wait(call) == account
            self.accounts[user_id] = account

    @rule(user_id=st.integers(1, 4), bio=st.none() | st.text(max_size=5), display_name=st.none() | st.text(max_size=5))
    def update(self, user_id: int, bio: str | None, display_name: str | None) -> None:
        change = ProfileChange(display_name=display_name, bio=bio)
        found = self.wait(self.opened.users.update(user_id, change, announce=an_event(self.now_us), at_us=self.now_us))
        before = self.accounts.get(user_id)
        self.touched.append((user_id, before.username if before else "ann"))
        if before is None:
            assert found is None
            return
        after = replace(
            before,
            bio=before.bio if bio is None else bio,
            display_name=before.display_name if display_name is None else display_name,
            updated_us=self.now_us,
        )
        assert found == after
        self.accounts[user_id] = after

    @rule(token=st.sampled_from(TOKENS), user_id=st.integers(1, 2))
    def log_in(self, token: bytes, user_id: int) -> None:
        if token in self.tokens:
            return
        session = Session(len(self.tokens) + 1000, user_id)
        expires_us = self.now_us + LIFETIME_US
        self.wait(
            self.opened.sessions.open_session(session, token_hash=token, expires_us=expires_us, at_us=self.now_us)
        )
        self.tokens[token] = (session, expires_us)

    @rule(token=st.sampled_from(TOKENS), successor=st.sampled_from(TOKENS), step=st.sampled_from([0, 1, LIFETIME_US]))
    def rotate(self, token: bytes, successor: bytes, step: int) -> None:
        if successor in self.tokens:
            return
        self.now_us += step
        expires_us = self.now_us + LIFETIME_US
        call = self.opened.sessions.rotate(token, successor_hash=successor, expires_us=expires_us, at_us=self.now_us)
        session, ends_us = self.tokens.get(token, (None, 0))
        if session is None or session in self.revoked or token in self.exchanged:
            with pytest.raises(RefreshTokenInvalid):
                self.wait(call)
            if session is not None:
                self.revoked.add(session)
        elif ends_us <= self.now_us:
            with pytest.raises(RefreshTokenExpired):
                self.wait(call)
        else:
            assert self.wait(call) == session
            self.exchanged.add(token)
            self.tokens[successor] = (session, expires_us)

    @invariant()
    def what_was_touched_is_as_expected(self) -> None:
        self.check(*self.touched)
        self.touched = []

    def check(self, *accounts: tuple[int, str]) -> None:
        users = self.opened.users
        for user_id, name in accounts:
            held = {user_id: self.accounts[user_id]} if user_id in self.accounts else {}
            assert self.wait(users.get_many([user_id])) == held
            named = {key: account for key, account in self.named().items() if key == name.lower()}
            assert self.wait(users.by_usernames([name])) == named

    def named(self) -> dict[str, Account]:
        return {account.username.lower(): account for account in self.accounts.values()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_stores_answer_as_dicts_do(backend: str) -> None:
    machine = type("Machine", (UserStoreMachine,), {"open_backend": staticmethod(BACKENDS[backend])})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples(backend),
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )

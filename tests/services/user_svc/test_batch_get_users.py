"""BatchGetUsers."""

from __future__ import annotations

import grpc
import pytest

from aviary.user.v1.user_service_pb2 import BatchGetUsersRequest
from tests.services.user_svc.callers import UNKNOWN, Callers
from tests.services.user_svc.known_counts import KnownFollows
from tests.support.refused import refused


async def test_accounts_come_in_the_order_asked_and_each_once(users: Callers, follows: KnownFollows) -> None:
    ann, bob = [(await users.sign_up(name)).user_id for name in ("Ann", "Bob")]
    answer = await users.user(0).BatchGetUsers(BatchGetUsersRequest(user_ids=[bob, UNKNOWN, ann, bob]))
    assert [user.username for user in answer.users] == ["Bob", "Ann"]
    assert [user.counts.followers_count for user in answer.users] == [5, 5]
    assert list(answer.missing_user_ids) == [UNKNOWN]
    assert follows.calls == ["BatchGetGraphCounts"]


async def test_without_graph_accounts_come_without_counts(users: Callers, follows: KnownFollows) -> None:
    ann = await users.sign_up("Ann")
    follows.is_down = True
    answer = await users.user(0).BatchGetUsers(BatchGetUsersRequest(user_ids=[ann.user_id]))
    assert not answer.users[0].HasField("counts")


@pytest.mark.parametrize("user_ids", [[], list(range(1, 102)), [0], [-1]], ids=["none", "101", "zero", "negative"])
async def test_an_impossible_list_of_ids_is_refused(users: Callers, user_ids: list[int]) -> None:
    call = users.user(0).BatchGetUsers(BatchGetUsersRequest(user_ids=user_ids))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field.partition("[")[0] for violation in error.violations] == ["userIds"]

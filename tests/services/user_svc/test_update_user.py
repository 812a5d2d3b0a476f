"""UpdateUser."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from aviary.type.v1.user_pb2 import User, UserCounts
from aviary.user.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from tests.services.user_svc.callers import UNKNOWN, Callers
from tests.support.refused import refused
from tests.support.running import issue_user_token

BAD = grpc.StatusCode.INVALID_ARGUMENT


async def update(users: Callers, user_id: int, user: User, *paths: str) -> User:
    request = UpdateUserRequest(user=user, update_mask=FieldMask(paths=paths))
    return (await users.user(user_id).UpdateUser(request)).user


async def read(users: Callers, user_id: int) -> User:
    return (await users.user(0).GetUser(GetUserRequest(user_id=user_id))).user


async def test_a_change_is_answered_stored_and_announced(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    changed = await update(users, ann.user_id, User(user_id=ann.user_id, bio="new", location="Rome"), "bio", "location")
    assert (changed.bio, changed.location, changed.display_name) == ("new", "Rome", "Ann")
    assert changed.counts.followers_count == 5
    assert changed.update_time.ToMicroseconds() > changed.create_time.ToMicroseconds()
    assert await read(users, ann.user_id) == changed
    assert [name for name, _ in await users.waiting_events()] == ["changed", "changed"]


async def test_id_zero_means_the_caller(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    assert (await update(users, ann.user_id, User(bio="new"), "bio")).user_id == ann.user_id


async def test_a_field_in_the_mask_without_a_value_is_cleared(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    assert (await update(users, ann.user_id, User(), "bio")).bio == ""


async def test_without_a_mask_the_populated_fields_change(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    changed = await update(users, ann.user_id, User(location="Rome"))
    assert (changed.location, changed.bio) == ("Rome", "hi")


async def test_a_star_replaces_all_that_can_be_changed(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    await update(users, ann.user_id, User(display_name="Ann B", location="Rome"))
    changed = await update(users, ann.user_id, User(location="Oslo"), "*")
    assert (changed.display_name, changed.bio, changed.location) == ("Ann", "", "Oslo")
    assert changed.username == "Ann"


async def test_a_display_name_that_is_cleared_is_the_username(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    assert (await update(users, ann.user_id, User(display_name="X"), "display_name")).display_name == "X"
    assert (await update(users, ann.user_id, User(), "display_name")).display_name == "Ann"


async def test_output_only_fields_are_ignored(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    sent = User(bio="new", verified=True, counts=UserCounts(followers_count=9), create_time=Timestamp(seconds=1))
    for paths in ((), ("*",), ("bio", "verified", "counts", "create_time", "update_time", "user_id")):
        changed = await update(users, ann.user_id, sent, *paths)
        assert (changed.bio, changed.verified, changed.counts.followers_count) == ("new", False, 5)
        assert changed.create_time == ann.create_time


async def test_a_change_of_nothing_changes_and_announces_nothing(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    for user, paths in ((User(), ()), (User(verified=True), ("verified",)), (User(username="Ann"), ("username",))):
        assert (await update(users, ann.user_id, user, *paths)).update_time == ann.update_time
    assert len(await users.waiting_events()) == 1


@pytest.mark.parametrize("paths", [(), ("*",), ("username",), ("bio", "username")])
@pytest.mark.parametrize("username", ["Other", "ann"])
async def test_a_username_cannot_change(users: Callers, paths: tuple[str, ...], username: str) -> None:
    ann = await users.sign_up("Ann")
    error = await refused(update(users, ann.user_id, User(username=username, bio="new"), *paths), BAD)
    assert [violation.field for violation in error.violations] == ["user.username"]
    assert (await read(users, ann.user_id)).bio == "hi"


async def test_a_username_that_stays_may_be_sent(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    assert (await update(users, ann.user_id, User(username="Ann", bio="new"), "*")).bio == "new"


@pytest.mark.parametrize("path", ["email", "password", "no_such_field", "counts.followers_count", "", "Bio", "bio "])
async def test_a_path_that_does_not_exist_is_refused(users: Callers, path: str) -> None:
    ann = await users.sign_up("Ann")
    error = await refused(update(users, ann.user_id, User(bio="new"), "bio", path), BAD)
    assert [violation.field for violation in error.violations] == ["updateMask"]
    assert (await read(users, ann.user_id)).bio == "hi"


@pytest.mark.parametrize(
    ("user", "field"),
    [
        (User(display_name="a" * 101), "user.displayName"),
        (User(bio="a" * 501), "user.bio"),
        (User(location="a" * 101), "user.location"),
        (User(username="no spaces"), "user.username"),
    ],
)
async def test_a_text_that_is_too_long_is_refused_by_name(users: Callers, user: User, field: str) -> None:
    ann = await users.sign_up("Ann")
    error = await refused(update(users, ann.user_id, user), BAD)
    assert [violation.field for violation in error.violations] == [field]


@pytest.mark.parametrize(
    ("user", "field"),
    [
        (User(display_name="a\tb"), "user.displayName"),
        (User(bio="a\x00b"), "user.bio"),
        (User(location="a\nb"), "user.location"),
    ],
)
async def test_control_characters_are_refused_by_name(users: Callers, user: User, field: str) -> None:
    ann = await users.sign_up("Ann")
    error = await refused(update(users, ann.user_id, user), BAD)
    assert [violation.field for violation in error.violations] == [field]
    assert (await read(users, ann.user_id)).update_time == ann.update_time


async def test_a_display_name_is_stripped_of_what_turns_text_around(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    assert (await update(users, ann.user_id, User(display_name="\u202eAnn\u202c"))).display_name == "Ann"


async def test_another_account_is_refused_and_stays(users: Callers) -> None:
    ann, bob = await users.sign_up("Ann"), await users.sign_up("Bob")
    for user_id in (ann.user_id, UNKNOWN):
        call = update(users, bob.user_id, User(user_id=user_id, bio="mine"), "bio")
        assert (await refused(call, grpc.StatusCode.PERMISSION_DENIED)).reason == "NOT_OWNER"
    assert (await read(users, ann.user_id)).bio == "hi"


async def test_only_a_user_who_may_write_profiles_changes_one(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    request = UpdateUserRequest(user=User(bio="new"))
    error = await refused(users.user(0).UpdateUser(request), grpc.StatusCode.UNAUTHENTICATED)
    assert error.reason == "CREDENTIALS_MISSING"
    narrow = users.with_token(issue_user_token(ann.user_id, ["tweet:write"]))
    assert (await refused(narrow.UpdateUser(request), grpc.StatusCode.PERMISSION_DENIED)).reason == "SCOPE_MISSING"


async def test_a_token_of_an_account_that_is_not_there_changes_nothing(users: Callers) -> None:
    call = update(users, UNKNOWN, User(bio="new"))
    assert (await refused(call, grpc.StatusCode.NOT_FOUND)).reason == "USER_NOT_FOUND"


async def test_a_request_without_a_user_is_refused(users: Callers) -> None:
    error = await refused(users.user(UNKNOWN).UpdateUser(UpdateUserRequest()), BAD)
    assert [violation.field for violation in error.violations] == ["user"]

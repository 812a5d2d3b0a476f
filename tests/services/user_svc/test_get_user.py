"""GetUser."""

from __future__ import annotations

import grpc

from aviary.user.v1.user_service_pb2 import GetUserRequest
from tests.services.user_svc.callers import UNKNOWN, Callers
from tests.services.user_svc.known_counts import KnownFollows, KnownTweetCounts
from tests.support.refused import refused


async def test_an_account_comes_with_its_counts_and_how_the_caller_stands_to_it(users: Callers) -> None:
    ann, bob = await users.sign_up("Ann"), await users.sign_up("Bob")
    read = await users.user(bob.user_id).GetUser(GetUserRequest(user_id=ann.user_id))
    assert read.user.username == "Ann"
    assert (read.user.counts.followers_count, read.user.counts.following_count) == (5, 2)
    assert read.user.counts.tweets_count == 7
    assert (read.relationship.user_id, read.relationship.following) == (ann.user_id, True)


async def test_zero_means_the_caller_who_stands_in_no_relationship_to_themselves(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    for user_id in (0, ann.user_id):
        read = await users.user(ann.user_id).GetUser(GetUserRequest(user_id=user_id))
        assert read.user.user_id == ann.user_id
        assert not read.HasField("relationship")


async def test_anybody_may_read_and_has_no_relationship(users: Callers, follows: KnownFollows) -> None:
    ann = await users.sign_up("Ann")
    read = await users.user(0).GetUser(GetUserRequest(user_id=ann.user_id))
    assert read.user.counts.followers_count == 5
    assert not read.HasField("relationship")
    assert follows.calls == ["BatchGetGraphCounts"]


async def test_an_address_is_in_no_answer_not_even_in_ones_own(users: Callers) -> None:
    ann = await users.sign_up("Ann")
    read = await users.user(ann.user_id).GetUser(GetUserRequest())
    assert b"example.org" not in read.SerializeToString().lower()


async def test_without_graph_the_account_comes_without_counts_and_relationship(
    users: Callers, follows: KnownFollows
) -> None:
    ann = await users.sign_up("Ann")
    follows.is_down = True
    read = await users.user(UNKNOWN).GetUser(GetUserRequest(user_id=ann.user_id))
    assert read.user.username == "Ann"
    assert not read.user.HasField("counts")
    assert not read.HasField("relationship")


async def test_without_engagement_no_count_is_guessed(users: Callers, tweet_counts: KnownTweetCounts) -> None:
    ann = await users.sign_up("Ann")
    tweet_counts.is_down = True
    read = await users.user(UNKNOWN).GetUser(GetUserRequest(user_id=ann.user_id))
    assert not read.user.HasField("counts")
    assert read.relationship.following


async def test_an_unknown_account_is_not_found(users: Callers) -> None:
    error = await refused(users.user(0).GetUser(GetUserRequest(user_id=UNKNOWN)), grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata) == ("USER_NOT_FOUND", {"user_id": str(UNKNOWN)})


async def test_zero_without_a_caller_is_unauthenticated(users: Callers) -> None:
    error = await refused(users.user(0).GetUser(GetUserRequest()), grpc.StatusCode.UNAUTHENTICATED)
    assert error.reason == "CREDENTIALS_MISSING"


async def test_a_bad_token_is_refused_where_none_is_needed(users: Callers) -> None:
    call = users.with_token("nonsense").GetUser(GetUserRequest(user_id=UNKNOWN))
    assert (await refused(call, grpc.StatusCode.UNAUTHENTICATED)).reason == "CREDENTIALS_INVALID"


async def test_a_negative_id_is_refused(users: Callers) -> None:
    error = await refused(users.user(0).GetUser(GetUserRequest(user_id=-1)), grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["userId"]

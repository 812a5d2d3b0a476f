"""ListUserTweets."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from aviary.tweet.v1.tweet_service_pb2 import ListUserTweetsRequest, ListUserTweetsResponse
from aviary.type.v1.tweet_pb2 import EXPANSION_AUTHOR, Tweet
from tests.services.tweet_svc.callers import ANN, BOB, CYD, UNKNOWN, Callers, ids
from tests.support.refused import refused


async def list_of(tweets: Callers, request: ListUserTweetsRequest, *, viewer: int = ANN) -> ListUserTweetsResponse:
    return await tweets.user(viewer).ListUserTweets(request)


async def test_tweets_and_replies_of_one_author_come_newest_first(tweets: Callers) -> None:
    first = await tweets.post(ANN)
    other = await tweets.post(BOB)
    reply = await tweets.post(ANN, answers=other.tweet_id)
    page = await list_of(tweets, ListUserTweetsRequest(user_id=ANN, expansions=[EXPANSION_AUTHOR]), viewer=BOB)
    assert ids(page.tweets) == [reply.tweet_id, first.tweet_id]
    assert page.next_page_token == ""
    assert [tweet.counts.likes_count for tweet in page.tweets] == [3, 3]
    assert [user.username for user in page.includes.users] == ["ann"]


async def test_pages_put_together_are_the_whole_list(tweets: Callers) -> None:
    posted = [(await tweets.post(ANN)).tweet_id for _ in range(7)]
    collected: list[int] = []
    sizes = []
    token = ""
    while True:
        page = await list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=3, page_token=token))
        collected += ids(page.tweets)
        sizes.append(len(page.tweets))
        token = page.next_page_token
        if not token:
            break
    assert collected == posted[::-1]
    assert sizes == [3, 3, 1]


async def test_a_full_last_page_has_no_token(tweets: Callers) -> None:
    for _ in range(3):
        await tweets.post(ANN)
    assert not (await list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=3))).next_page_token


async def test_a_page_has_20_tweets_and_never_more_than_100(tweets: Callers) -> None:
    for _ in range(102):
        await tweets.post(ANN)
    assert len((await list_of(tweets, ListUserTweetsRequest(user_id=ANN))).tweets) == 20
    assert len((await list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=5000))).tweets) == 100


async def test_the_page_size_may_change_from_page_to_page(tweets: Callers) -> None:
    posted = [(await tweets.post(ANN)).tweet_id for _ in range(4)]
    first = await list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=1))
    request = ListUserTweetsRequest(user_id=ANN, page_size=2, page_token=first.next_page_token)
    assert ids((await list_of(tweets, request)).tweets) == posted[2:0:-1]


async def test_tweets_posted_and_deleted_in_between_neither_repeat_nor_hide_others(tweets: Callers) -> None:
    posted = [await tweets.post(ANN) for _ in range(4)]
    first = await list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=2))
    await tweets.post(ANN)
    await tweets.delete(posted[2])
    request = ListUserTweetsRequest(user_id=ANN, page_size=2, page_token=first.next_page_token)
    second = await list_of(tweets, request)
    assert ids(second.tweets) == [posted[1].tweet_id, posted[0].tweet_id]


async def test_replies_can_be_left_out(tweets: Callers) -> None:
    first = await tweets.post(ANN)
    await tweets.post(ANN, answers=first.tweet_id)
    page = await list_of(tweets, ListUserTweetsRequest(user_id=ANN, exclude_replies=True))
    assert ids(page.tweets) == [first.tweet_id]


async def test_deleted_tweets_are_not_listed(tweets: Callers) -> None:
    kept, gone = await tweets.post(ANN), await tweets.post(ANN)
    await tweets.delete(gone)
    assert ids((await list_of(tweets, ListUserTweetsRequest(user_id=ANN))).tweets) == [kept.tweet_id]


async def test_times_take_the_start_and_leave_the_end_out(tweets: Callers) -> None:
    posted: list[Tweet] = []
    while len(posted) < 3 or len({tweet.create_time.ToMilliseconds() for tweet in posted}) < 3:
        posted.append(await tweets.post(ANN))
    newest, oldest = posted[-1].create_time, posted[0].create_time
    request = ListUserTweetsRequest(user_id=ANN, page_size=100, start_time=oldest, end_time=newest)
    within = [tweet for tweet in posted if tweet.create_time.ToMilliseconds() < newest.ToMilliseconds()]
    assert ids((await list_of(tweets, request)).tweets) == ids(within)[::-1]
    a_bit_later = Timestamp(seconds=oldest.seconds, nanos=oldest.nanos + 1000)
    request = ListUserTweetsRequest(user_id=ANN, page_size=100, start_time=a_bit_later)
    after = [tweet for tweet in posted if tweet.create_time.ToMilliseconds() > oldest.ToMilliseconds()]
    assert ids((await list_of(tweets, request)).tweets) == ids(after)[::-1]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (Timestamp(), Timestamp(seconds=1)),
        (Timestamp(seconds=-62135596800), Timestamp(seconds=5)),
        (Timestamp(seconds=253402300799), None),
        (None, Timestamp(seconds=-62135596800)),
    ],
)
async def test_times_before_or_after_all_tweets_give_an_empty_page(
    tweets: Callers, start: Timestamp | None, end: Timestamp | None
) -> None:
    await tweets.post(ANN)
    page = await list_of(tweets, ListUserTweetsRequest(user_id=ANN, start_time=start, end_time=end))
    assert not page.tweets
    assert not page.next_page_token


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (Timestamp(seconds=300_000_000_000), None, "startTime"),
        (None, Timestamp(seconds=1, nanos=-1), "endTime"),
        (Timestamp(seconds=1_900_000_000), Timestamp(seconds=1_800_000_000), "endTime"),
        (Timestamp(seconds=1_900_000_000), Timestamp(seconds=1_900_000_000), "endTime"),
    ],
)
async def test_an_impossible_time_is_refused(
    tweets: Callers, start: Timestamp | None, end: Timestamp | None, field: str
) -> None:
    call = list_of(tweets, ListUserTweetsRequest(user_id=ANN, start_time=start, end_time=end))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == [field]


async def test_an_account_without_tweets_has_an_empty_page_and_an_unknown_one_none(tweets: Callers) -> None:
    assert not (await list_of(tweets, ListUserTweetsRequest(user_id=CYD))).tweets
    error = await refused(list_of(tweets, ListUserTweetsRequest(user_id=UNKNOWN)), grpc.StatusCode.NOT_FOUND)
    assert (error.reason, error.metadata["user_id"]) == ("USER_NOT_FOUND", str(UNKNOWN))


async def token_of_ann(tweets: Callers) -> str:
    for _ in range(3):
        await tweets.post(ANN)
    await tweets.post(BOB)
    await tweets.post(BOB)
    return (await list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=1))).next_page_token


async def test_a_token_for_other_arguments_or_another_caller_is_refused(tweets: Callers) -> None:
    token = await token_of_ann(tweets)
    foreign = [
        list_of(tweets, ListUserTweetsRequest(user_id=BOB, page_size=1, page_token=token)),
        list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_token=token, exclude_replies=True)),
        list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_token=token, start_time=Timestamp(seconds=5))),
        list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_token=token), viewer=BOB),
        list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_token=token), viewer=0),
    ]
    for call in foreign:
        error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
        assert error.reason == "PAGE_TOKEN_INVALID"
        assert [violation.field for violation in error.violations] == ["pageToken"]


async def test_a_forged_token_is_refused(tweets: Callers) -> None:
    token = await token_of_ann(tweets)
    for forged in ("x", token[:-2], token + "AA", "A" * len(token), token.swapcase(), "é", "' OR 1=1 --"):
        call = list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_token=forged))
        assert (await refused(call, grpc.StatusCode.INVALID_ARGUMENT)).reason == "PAGE_TOKEN_INVALID"


async def test_a_negative_page_size_is_refused(tweets: Callers) -> None:
    call = list_of(tweets, ListUserTweetsRequest(user_id=ANN, page_size=-1))
    error = await refused(call, grpc.StatusCode.INVALID_ARGUMENT)
    assert [violation.field for violation in error.violations] == ["pageSize"]

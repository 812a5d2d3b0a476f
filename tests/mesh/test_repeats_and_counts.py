"""A write sent many times is one, a job delivered many times is one, and counts are the number of edges."""

from __future__ import annotations

import asyncio
import random

import nats

from tests.mesh.support.actions import (
    follow,
    home,
    home_becomes,
    like,
    post,
    sign_up_many,
    unfollow,
    unlike,
    walk,
)
from tests.mesh.support.api import Answer, Api, Person
from tests.mesh.support.running_mesh import RunningMesh
from tests.support.wait_until import wait_until


async def test_eight_copies_of_a_post_at_once_are_one_tweet_and_get_one_answer(api: Api) -> None:
    (author,) = await sign_up_many(api, 1)

    async def send(content: str = "once") -> Answer:
        return await api.call("POST", "/v1/tweets", {"content": content}, by=author, key="same-key")

    answers = await asyncio.gather(*(send() for _ in range(8)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["tweet"]["tweetId"] for answer in answers}) == 1
    assert (await send()).headers["idempotency-replayed"] == "true"

    other = await send("something else")
    assert (other.status, other.reason) == (400, "REQUEST_ID_REUSED")
    tweets = await walk(api, f"/v1/users/{author.user_id}/tweets", "tweets", page_size=100)
    assert [tweet["content"] for tweet in tweets] == ["once"]


async def test_the_same_key_of_two_people_is_two_keys(api: Api) -> None:
    one, other = await sign_up_many(api, 2)
    first = await post(api, one, "mine", key="shared-key")
    second = await post(api, other, "mine too", key="shared-key")
    assert first != second


async def test_setting_a_state_again_changes_nothing(api: Api) -> None:
    one, other = await sign_up_many(api, 2)
    tweet = await post(api, other, "like me")
    for _ in range(3):
        await follow(api, one, other)
        await like(api, one, tweet)
    assert len(await walk(api, f"/v1/users/{other.user_id}/followers", "followers")) == 1
    liked = await api.insist("PUT", f"/v1/tweets/{tweet}/like", {}, by=one)
    assert liked["likesCount"] == 1
    for _ in range(3):
        await unlike(api, one, tweet)
        await unfollow(api, one, other)
    assert await walk(api, f"/v1/tweets/{tweet}/likes", "likes", page_size=100) == []
    assert await walk(api, f"/v1/users/{other.user_id}/followers", "followers") == []


async def test_events_that_come_again_and_in_another_order_change_nothing(mesh: RunningMesh, api: Api) -> None:
    author, viewer, former = await sign_up_many(api, 3)
    for person in (viewer, former):
        await follow(api, person, author)
    tweets = [await post(api, author, f"number {number}") for number in range(4)]
    await like(api, viewer, tweets[0])
    await unlike(api, viewer, tweets[0])
    await like(api, viewer, tweets[1])
    await unfollow(api, former, author)
    await home_becomes(api, viewer, tweets[::-1])
    await home_becomes(api, former, [])

    repeated = await _publish_all_events_again(mesh)

    assert repeated > 8
    last = await post(api, author, "after all of that")
    await home_becomes(api, viewer, [last, *reversed(tweets)], at_most=20)
    assert await home(api, former) == []
    counts = await _like_counts(api, tweets[:2])
    assert counts == [0, 1]


async def test_counts_are_the_number_of_edges_when_all_is_quiet(api: Api) -> None:
    people = await sign_up_many(api, 5)
    author = people[0]
    tweets = [await post(api, author, f"number {number}") for number in range(4)]
    chance = random.Random(20)
    liked: set[tuple[int, int]] = set()
    replies = dict.fromkeys(tweets, 0)

    async def act(person: Person, seeds: random.Random) -> None:
        for _ in range(25):
            tweet = seeds.choice(tweets)
            if seeds.random() < 0.2:
                await post(api, person, "a reply", reply_to=tweet)
                replies[tweet] += 1
            elif seeds.random() < 0.6:
                await like(api, person, tweet)
                liked.add((person.user_id, tweet))
            else:
                answer = await api.insist("DELETE", f"/v1/tweets/{tweet}/like", by=person)
                assert answer["likesCount"] >= 0
                liked.discard((person.user_id, tweet))

    await asyncio.gather(*(act(person, random.Random(chance.random())) for person in people))

    async def are_exact() -> bool:
        found = await api.get("/v1/tweets:batchGet?" + "&".join(f"tweet_ids={tweet}" for tweet in tweets))
        counts = {int(tweet["tweetId"]): tweet["counts"] for tweet in found["tweets"]}
        return all(
            counts[tweet]["likesCount"] == sum(1 for _, of in liked if of == tweet)
            and counts[tweet]["repliesCount"] == replies[tweet]
            for tweet in tweets
        )

    await wait_until(are_exact, at_most=5)
    for tweet in tweets:
        likers = await walk(api, f"/v1/tweets/{tweet}/likes", "likes", page_size=100)
        assert {int(each["userId"]) for each in likers} == {person for person, of in liked if of == tweet}


async def _publish_all_events_again(mesh: RunningMesh) -> int:
    """Every event that the broker still holds, twice, newest first; how many there were."""
    connection = await nats.connect(mesh.find("nats")["address"])
    try:
        stream = connection.jetstream()
        state = (await stream.stream_info("EVENTS")).state
        sequences = range(state.first_seq, state.last_seq + 1)
        events = [await stream.get_msg("EVENTS", seq=sequence) for sequence in sequences]
        for event in [*reversed(events), *events]:
            await stream.publish(event.subject or "", event.data or b"")
        return len(events)
    finally:
        await connection.close()


async def _like_counts(api: Api, tweets: list[int]) -> list[int]:
    found = await api.get("/v1/tweets:batchGet?" + "&".join(f"tweet_ids={tweet}" for tweet in tweets))
    return [tweet["counts"]["likesCount"] for tweet in found["tweets"]]

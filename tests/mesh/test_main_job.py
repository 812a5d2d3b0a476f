"""What the whole thing is for: sign up, post, follow, like, and read the home timeline."""

from __future__ import annotations

from tests.mesh.support.actions import follow, home_becomes, like, post, sign_up
from tests.mesh.support.api import Api


async def test_a_tweet_reaches_a_follower_with_its_author_its_counts_and_what_the_viewer_did(api: Api) -> None:
    ada, grace = await sign_up(api, "ada"), await sign_up(api, "grace")
    await follow(api, ada, grace)
    tweet = await post(api, grace, "hello, mesh")
    reply = await post(api, ada, "hello, grace", reply_to=tweet)
    await like(api, ada, tweet)

    await home_becomes(api, ada, [reply, tweet])
    page = await api.get("/v1/timelines/home?expansions=EXPANSION_AUTHOR", by=ada)

    shown = next(item for item in page["items"] if item["tweet"]["tweetId"] == str(tweet))
    assert shown["reason"] == "TIMELINE_REASON_FOLLOWED_AUTHOR"
    assert shown["tweet"]["content"] == "hello, mesh"
    assert shown["tweet"]["userId"] == str(grace.user_id)
    assert shown["tweet"]["counts"]["likesCount"] == 1
    assert shown["tweet"]["viewer"]["liked"] is True
    assert {user["username"] for user in page["includes"]["users"]} == {ada.username, grace.username}
    assert page["degraded"] == []


async def test_a_profile_shows_the_counts_and_how_the_viewer_stands_to_it(api: Api) -> None:
    ada, grace = await sign_up(api, "ada"), await sign_up(api, "grace")
    await follow(api, ada, grace)
    await post(api, grace, "one")

    async def profile() -> dict[str, object]:
        seen: dict[str, object] = await api.get(f"/v1/users/by-username/{grace.username.upper()}", by=ada)
        return seen

    seen = await profile()
    assert seen["user"]["userId"] == str(grace.user_id)  # type: ignore[index]  # JSON
    assert seen["relationship"]["following"] is True  # type: ignore[index]  # JSON

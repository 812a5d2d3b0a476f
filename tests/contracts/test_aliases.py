"""Paths that clients of other generations use answer as well, each beside its route under /v1."""

from __future__ import annotations

import pytest

from tests.support.contract import routes

# As those clients send them; numbers stand for ids. A trailing slash is the edge's business.
ALIASES = [
    ("POST", "/tweet", "CreateTweet"),
    ("POST", "/tweets", "CreateTweet"),
    ("POST", "/api/v1/tweets", "CreateTweet"),
    ("POST", "/api/v1/postTweet", "CreateTweet"),
    ("GET", "/tweets/{}", "GetTweet"),
    ("DELETE", "/tweets/{}", "DeleteTweet"),
    ("GET", "/users/{}/tweets", "ListUserTweets"),
    ("GET", "/user/{}/feed", "ListHomeTimeline"),
    ("GET", "/api/v1/{}/tweets", "ListHomeTimeline"),
    ("GET", "/tweet", "ListHomeTimeline"),
    ("GET", "/me/tweets", "ListHomeTimeline"),
    ("POST", "/user/{}/follow", "FollowUser"),
    ("POST", "/api/v1/follow", "FollowUser"),
    ("POST", "/user/{}/unfollow", "UnfollowUser"),
    ("POST", "/user/follow/{}", "FollowUserByUsername"),
    ("DELETE", "/user/follow/{}", "UnfollowUserByUsername"),
    ("POST", "/tweet/{}/like", "LikeTweet"),
    ("PUT", "/tweet/{}/like", "LikeTweet"),
    ("POST", "/api/v1/like", "LikeTweet"),
    ("GET", "/tweet/{}/likes", "ListTweetLikes"),
    ("POST", "/users", "CreateUser"),
    ("GET", "/users/{}", "GetUser"),
    ("PUT", "/users/{}", "UpdateUser"),
    ("PUT", "/api/v1/{}/profile", "UpdateUser"),
    ("POST", "/api/v1/{}/profile", "UpdateUser"),
    ("POST", "/login", "CreateSession"),
]


@pytest.mark.parametrize(("verb", "path", "rpc"), ALIASES)
def test_the_alias_reaches_its_rpc(verb: str, path: str, rpc: str) -> None:
    reached = [route.method.name for route in routes() if (route.verb.upper(), route.shape) == (verb, path)]
    assert reached == [rpc]


def test_there_is_no_alias_that_nobody_sends() -> None:
    listed = {(verb, path) for verb, path, _ in ALIASES}
    assert {(route.verb.upper(), route.shape) for route in routes() if route.is_alias} == listed

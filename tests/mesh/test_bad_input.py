"""Wrong requests get a clear error that names the field, and leave nothing behind."""

from __future__ import annotations

import pytest

from tests.mesh.support.actions import PASSWORD, follow, home, like, post, sign_up, walk
from tests.mesh.support.api import Api, Person
from tests.mesh.support.refusal import assert_refused

LONG_NUMBER = "9" * 5000
UNKNOWN_ID = 4_000_000_000_000_000_001


@pytest.fixture
async def person(api: Api) -> Person:
    """Somebody who has not done anything yet."""
    return await sign_up(api)


TWEETS = {
    "no text": ({}, "TWEET_EMPTY", "content"),
    "an empty text": ({"content": ""}, "TWEET_EMPTY", "content"),
    "a blank text": ({"content": " \n\t\u3000 "}, "TWEET_EMPTY", "content"),
    "281 characters": ({"content": "x" * 281}, "TWEET_TOO_LONG", "content"),
    "281 smileys": ({"content": "\U0001f642" * 281}, "TWEET_TOO_LONG", "content"),
    "more than the contract takes": ({"content": "x" * 10_001}, "VALIDATION_FAILED", "content"),
    "a NUL": ({"content": "a\0b"}, "VALIDATION_FAILED", "content"),
    "an escape": ({"content": "a\x1bb"}, "VALIDATION_FAILED", "content"),
    "a C1 control": ({"content": "a\x85b"}, "VALIDATION_FAILED", "content"),
    "a byte order mark": ({"content": "a\ufeffb"}, "VALIDATION_FAILED", "content"),
    "a lone surrogate": (b'{"content": "a\\ud800b"}', "TRANSCODING_FAILED", "content"),
    "a number for a text": ({"content": 7}, "TRANSCODING_FAILED", "content"),
    "an id of 5,000 digits": (
        {"content": "x", "inReplyToTweetId": LONG_NUMBER},
        "TRANSCODING_FAILED",
        "inReplyToTweetId",
    ),
    "a negative id": ({"content": "x", "inReplyToTweetId": "-1"}, "VALIDATION_FAILED", "inReplyToTweetId"),
    "an unknown field": ({"content": "x", "colour": "red"}, "TRANSCODING_FAILED", "colour"),
    "somebody's id": ({"content": "x", "userId": "5"}, "TRANSCODING_FAILED", "userId"),
    "the same field twice": (b'{"content": "x", "content": "y"}', "TRANSCODING_FAILED", "content"),
    "a list": ([], "TRANSCODING_FAILED", ""),
    "half of a body": (b'{"content": "x"', "TRANSCODING_FAILED", ""),
    "a body that is not UTF-8": (b'{"content": "\xff"}', "TRANSCODING_FAILED", ""),
    "a deep body": (b'{"content":' + b"[" * 5000 + b"]" * 5000 + b"}", "TRANSCODING_FAILED", ""),
}


@pytest.mark.parametrize("case", TWEETS)
async def test_a_tweet_that_cannot_be_taken_is_refused_and_not_stored(api: Api, person: Person, case: str) -> None:
    body, reason, field = TWEETS[case]
    answer = await api.call("POST", "/v1/tweets", body, by=person, key="bad")
    assert_refused(answer, 400, reason, field)
    assert await walk(api, f"/v1/users/{person.user_id}/tweets", "tweets", page_size=100) == []


async def test_a_refused_post_does_not_use_its_key_up(api: Api, person: Person) -> None:
    refused = await api.call("POST", "/v1/tweets", {"content": ""}, by=person, key="again")
    assert_refused(refused, 400, "TWEET_EMPTY", "content")
    taken = await api.call("POST", "/v1/tweets", {"content": "now with text"}, by=person, key="again")
    assert taken.status == 201


async def test_the_longest_text_is_taken_whatever_its_characters(api: Api, person: Person) -> None:
    limit = (await api.get("/v1/limits"))["tweetMaxLength"]
    for character in ("x", "é", "語", "\U0001f642", "\n"):
        text = "." + character * (limit - 2) + "."
        answer = await api.call("POST", "/v1/tweets", {"content": text}, by=person)
        assert (answer.status, answer.json["tweet"]["content"]) == (201, text)


@pytest.mark.parametrize("key", ["k" * 65, "white space", "k\u00e9y"])
async def test_a_key_that_is_none_is_refused(api: Api, person: Person, key: str) -> None:
    answer = await api.call("POST", "/v1/tweets", {"content": "x"}, by=person, headers={"idempotency-key": key})
    assert_refused(answer, 400, "TRANSCODING_FAILED", "Idempotency-Key")
    assert await walk(api, f"/v1/users/{person.user_id}/tweets", "tweets", page_size=100) == []


@pytest.mark.parametrize(
    "number",
    [
        "1_000",
        "%2012",
        "12%20",
        "%D9%A1%D9%A2",
        "%EF%BC%99",
        "+5",
        "-1",
        "0",
        "1e3",
        "0x10",
        "1.0",
        "9" * 20,
        str(2**63),
    ],
)
async def test_what_is_no_id_is_refused_by_the_name_of_its_field(api: Api, number: str) -> None:
    answer = await api.call("GET", f"/v1/tweets/{number}")
    assert answer.reason in {"TRANSCODING_FAILED", "VALIDATION_FAILED"}
    assert_refused(answer, 400, answer.reason, "tweetId")


async def test_an_id_of_5000_digits_is_refused_in_a_path_and_in_a_query(api: Api) -> None:
    in_path = await api.call("GET", f"/v1/tweets/{LONG_NUMBER}")
    assert_refused(in_path, 400, "TRANSCODING_FAILED", "tweetId")
    in_query = await api.call("GET", f"/v1/tweets:batchGet?tweet_ids={LONG_NUMBER}")
    assert_refused(in_query, 400, "TRANSCODING_FAILED", "tweetIds")


@pytest.mark.parametrize("size", ["-1", "abc", "1&page_size=2", "9999999999"])
async def test_a_page_size_that_is_none_is_refused(api: Api, person: Person, size: str) -> None:
    answer = await api.call("GET", f"/v1/timelines/home?page_size={size}", by=person)
    assert answer.reason in {"TRANSCODING_FAILED", "VALIDATION_FAILED"}
    assert_refused(answer, 400, answer.reason, "pageSize")


async def test_a_page_size_above_the_most_is_the_most(api: Api, person: Person) -> None:
    tweet = await post(api, person, "one")
    page = await api.get(f"/v1/users/{person.user_id}/tweets?page_size=100000")
    assert [each["tweetId"] for each in page["tweets"]] == [str(tweet)]


async def test_page_tokens_that_are_forged_or_foreign_are_refused(api: Api, person: Person) -> None:
    other = await sign_up(api)
    for number in range(3):
        await post(api, person, f"number {number}")
    token = (await api.get("/v1/timelines/home?page_size=1", by=person))["nextPageToken"]
    changed = ("A" if token[5] != "A" else "B").join([token[:5], token[6:]])
    tokens_and_places = [
        ("nonsense", "/v1/timelines/home", person),
        ("%00%01", "/v1/timelines/home", person),
        (token[:-1], "/v1/timelines/home", person),
        (changed, "/v1/timelines/home", person),
        (token, "/v1/timelines/home", other),
        (token, f"/v1/users/{person.user_id}/tweets", person),
        ("x" * 5000, "/v1/timelines/home", person),
    ]
    for forged, place, by in tokens_and_places:
        answer = await api.call("GET", f"{place}?page_size=1&page_token={forged}", by=by)
        assert_refused(answer, 400, "PAGE_TOKEN_INVALID", "pageToken")
    assert (await api.call("GET", f"/v1/timelines/home?page_token={token}", by=person)).status == 200


async def test_nobody_follows_themselves_or_somebody_unknown(api: Api, person: Person) -> None:
    oneself = await api.call("PUT", f"/v1/users/{person.user_id}/follow", {}, by=person)
    assert_refused(oneself, 400, "SELF_REFERENCE", "userId")
    by_name = await api.call("PUT", f"/v1/users/by-username/{person.username}/follow", {}, by=person)
    assert_refused(by_name, 400, "SELF_REFERENCE", "username")
    unknown = await api.call("PUT", f"/v1/users/{UNKNOWN_ID}/follow", {}, by=person)
    assert_refused(unknown, 404, "USER_NOT_FOUND")
    nobody = await api.call("PUT", "/v1/users/by-username/nobody_at_all/follow", {}, by=person)
    assert_refused(nobody, 404, "USER_NOT_FOUND")
    no_name = await api.call("PUT", "/v1/users/by-username/no%20name/follow", {}, by=person)
    assert_refused(no_name, 400, "VALIDATION_FAILED", "username")
    assert (await api.get(f"/v1/users/{person.user_id}/following"))["following"] == []


async def test_what_is_not_there_is_not_found(api: Api, person: Person) -> None:
    missing = [
        ("GET", f"/v1/tweets/{UNKNOWN_ID}", None, "TWEET_NOT_FOUND"),
        ("DELETE", f"/v1/tweets/{UNKNOWN_ID}", None, "TWEET_NOT_FOUND"),
        ("PUT", f"/v1/tweets/{UNKNOWN_ID}/like", {}, "TWEET_NOT_FOUND"),
        ("POST", "/v1/tweets", {"content": "x", "inReplyToTweetId": str(UNKNOWN_ID)}, "TWEET_NOT_FOUND"),
        ("GET", f"/v1/users/{UNKNOWN_ID}", None, "USER_NOT_FOUND"),
        ("GET", "/v1/users/by-username/nobody_at_all", None, "USER_NOT_FOUND"),
        ("GET", "/v1/nothing", None, "ROUTE_NOT_FOUND"),
        ("GET", "/metrics", None, "ROUTE_NOT_FOUND"),
    ]
    for method, target, body, reason in missing:
        assert_refused(await api.call(method, target, body, by=person), 404, reason)


async def test_what_belongs_to_somebody_else_stays_as_it_is(api: Api, person: Person) -> None:
    owner = await sign_up(api, "owner")
    tweet = await post(api, owner, "mine")
    refused = [
        await api.call("DELETE", f"/v1/tweets/{tweet}", by=person),
        await api.call("PATCH", f"/v1/users/{owner.user_id}", {"bio": "theirs"}, by=person),
        await api.call("PUT", f"/v1/users/{owner.user_id}", {"bio": "theirs"}, by=person),
        await api.call("GET", f"/v1/users/{owner.user_id}/feed", by=person),
    ]
    for answer in refused:
        assert_refused(answer, 403, "NOT_OWNER")
    assert (await api.get(f"/v1/tweets/{tweet}"))["tweet"]["content"] == "mine"
    assert (await api.get(f"/v1/users/{owner.user_id}"))["user"]["bio"] == ""


async def test_fields_that_only_the_server_sets_are_left_alone(api: Api, person: Person) -> None:
    body = {"bio": "changed", "verified": True, "createTime": "2020-01-01T00:00:00Z", "counts": {"followersCount": 9}}
    answer = await api.call("PATCH", "/v1/me", body, by=person)
    assert answer.status == 200, answer
    user = (await api.get("/v1/me", by=person))["user"]
    assert (user["bio"], user["verified"], user["counts"]["followersCount"]) == ("changed", False, 0)
    assert not user["createTime"].startswith("2020")
    unknown = await api.call("PATCH", "/v1/me", {"isAdmin": True}, by=person)
    assert_refused(unknown, 400, "TRANSCODING_FAILED")


SIGN_UPS = {
    "no username": ({"username": ""}, "username"),
    "a username with a space": ({"username": "a b"}, "username"),
    "a username of another script": ({"username": "\u0430lice"}, "username"),
    "a username of 51 characters": ({"username": "x" * 51}, "username"),
    "no e-mail address": ({"email": "nobody"}, "email"),
    "a password of 7 characters": ({"password": "x" * 7}, "password"),
    "a password of 129 characters": ({"password": "x" * 129}, "password"),
    "a display name of 101 characters": ({"displayName": "x" * 101}, "displayName"),
}


@pytest.mark.parametrize("case", SIGN_UPS)
async def test_a_sign_up_that_cannot_be_taken_names_its_field(api: Api, case: str) -> None:
    change, field = SIGN_UPS[case]
    body = {"username": "not_taken_yet", "email": "not@example.com", "password": PASSWORD} | change
    answer = await api.call("POST", "/v1/users", body)
    assert answer.reason in {"VALIDATION_FAILED", "PASSWORD_TOO_WEAK"}
    assert_refused(answer, 400, answer.reason, field)
    assert "x" * 7 not in str(answer.json) or field != "password"
    assert (await api.call("GET", "/v1/users/by-username/not_taken_yet")).status == 404


async def test_a_sign_up_replayed_with_another_password_gets_no_account(api: Api) -> None:
    name = "replayed"
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    first = await api.call("POST", "/v1/users", body, key="sign-up-replayed")
    again = await api.call("POST", "/v1/users", body, key="sign-up-replayed")
    assert (first.status, again.status) == (201, 201)
    assert first.json["user"]["userId"] == again.json["user"]["userId"]
    for key in ("sign-up-replayed", ""):
        other = await api.call("POST", "/v1/users", body | {"password": "another password"}, key=key)
        assert_refused(other, 409, "USERNAME_TAKEN")
    taken = await api.call("POST", "/v1/users", body | {"username": name.upper()})
    assert_refused(taken, 409, "USERNAME_TAKEN")


async def test_a_login_does_not_say_what_was_wrong(api: Api, person: Person) -> None:
    wrong = await api.call("POST", "/v1/sessions", {"login": person.username, "password": "not this one"})
    unknown = await api.call("POST", "/v1/sessions", {"login": "nobody_at_all", "password": "not this one"})
    assert_refused(wrong, 401, "LOGIN_FAILED")
    assert_refused(unknown, 401, "LOGIN_FAILED")
    assert wrong.json["error"]["message"] == unknown.json["error"]["message"]


async def test_a_request_that_is_not_json_or_too_large_is_refused(api: Api, person: Person) -> None:
    form = await api.call("POST", "/v1/tweets", b"content=x", by=person, headers={"content-type": "text/plain"})
    assert_refused(form, 415, "CONTENT_TYPE_UNSUPPORTED")
    packed = await api.call("POST", "/v1/tweets", b"x", by=person, headers={"content-encoding": "gzip"})
    assert_refused(packed, 415, "CONTENT_TYPE_UNSUPPORTED")
    large = await api.call("POST", "/v1/tweets", {"content": "x" * 70_000}, by=person)
    assert_refused(large, 413, "REQUEST_TOO_LARGE")
    long = await api.call("GET", f"/v1/limits?x={'y' * 9000}")
    assert_refused(long, 414, "REQUEST_TOO_LARGE")


async def test_another_verb_is_answered_with_those_there_are(api: Api, person: Person) -> None:
    answer = await api.call("PATCH", "/v1/tweets", {}, by=person)
    assert_refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer.headers["allow"]
    tweet = await post(api, person, "stays")
    override = {"x-http-method-override": "DELETE"}
    assert (await api.call("GET", f"/v1/tweets/{tweet}", headers=override)).status == 200
    assert (await api.call("GET", f"/v1/tweets/{tweet}")).status == 200


async def test_the_page_of_a_followed_author_is_not_touched_by_any_of_this(api: Api, person: Person) -> None:
    author = await sign_up(api)
    await follow(api, person, author)
    tweet = await post(api, author, "hello")
    await like(api, person, tweet)
    await api.call("PUT", f"/v1/tweets/{tweet}/like", {"liked": "perhaps"}, by=person)
    await api.call("POST", f"/v1/users/{author.user_id}/follow", {"userId": "7"}, by=person)
    assert (await api.get(f"/v1/tweets/{tweet}", by=person))["tweet"]["viewer"]["liked"] is True
    assert set(await home(api, person)) <= {tweet}

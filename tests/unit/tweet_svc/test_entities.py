"""Mentions, hashtags and links: the published cases, and ours where there are none."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tweet_svc.entities import Entity, find_entities

PUBLISHED = json.loads((Path(__file__).parent / "data" / "twitter_text_validate.json").read_text(encoding="utf-8"))
# Addresses that a form may take, but that the rules for texts do not look for.
NOT_LOOKED_FOR = {
    "http://user:PASSW0RD@example.com:8080/login.php",
    "http://192.168.0.1/index.html?src=asdf",
    "http://[3ffe:1900:4545:3:200:f8ff:fe21:67cf]:80/index.html",
    "http://example.com?foo=$bar.;baz?BAZ&c=d-#top/?stories+",
}


def mentions(text: str) -> list[str]:
    return [entity.value for entity in find_entities(text).mentions]


def hashtags(text: str) -> list[str]:
    return [entity.value for entity in find_entities(text).hashtags]


def urls(text: str) -> list[str]:
    return [entity.value for entity in find_entities(text).urls]


def is_one(entities: tuple[Entity, ...], text: str) -> bool:
    return [(entity.start, entity.end) for entity in entities] == [(0, len(text))]


@pytest.mark.parametrize("case", PUBLISHED["usernames"], ids=lambda case: case["description"])
def test_a_valid_username_is_one_mention(case: dict[str, Any]) -> None:
    assert is_one(find_entities(case["text"]).mentions, case["text"]) is case["expected"]


@pytest.mark.parametrize("case", PUBLISHED["hashtags"], ids=lambda case: case["description"])
def test_a_valid_hashtag_is_one_hashtag(case: dict[str, Any]) -> None:
    assert is_one(find_entities(case["text"]).hashtags, case["text"]) is case["expected"]


@pytest.mark.parametrize(
    "case", [*PUBLISHED["urls"], *PUBLISHED["urls_without_protocol"]], ids=lambda case: case["description"]
)
def test_a_valid_url_is_one_link(case: dict[str, Any]) -> None:
    expected = case["expected"] and case["text"] not in NOT_LOOKED_FOR
    assert is_one(find_entities(case["text"]).urls, case["text"]) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ann, meet @Bob_2!", ["ann", "Bob_2"]),
        ("すみません@annさん", ["ann"]),
        ("RT @ann rt:@bob Rt@cyd", ["ann", "bob", "cyd"]),
        ("(@ann)\n@bob", ["ann", "bob"]),
        ("\uff20ann", ["ann"]),
        ("@" + "a" * 50, ["a" * 50]),
        ("@" + "a" * 51, []),
        ("mail ann@example.com", []),
        ("@ann@bob", []),
        ("@annñ", []),
        ("x@ann _@ann #@ann &@ann *@ann", []),
        ("@http://example.com", []),
        ("https://example.com/@ann and @bob", ["bob"]),
        ("@ @-", []),
    ],
)
def test_mentions(text: str, expected: list[str]) -> None:
    assert mentions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#one two #three3 #4four", ["one", "three3", "4four"]),
        ("#2026 #_ #1_2 # x", []),
        ("(#in) [#brackets], #dot.", ["in", "brackets", "dot"]),
        ("x#no 日本#no &#no", []),
        ("🎉#party ✌\ufe0f#peace", ["party", "peace"]),
        ("#\ufe0f\u20e3 keycap", []),
        ("#café #naïve #Straße", ["café", "naïve", "Straße"]),
        ("#हिन्दी #தமிழ் #ไทย", ["हिन्दी", "தமிழ்", "ไทย"]),
        ("#il·lusió #כן\u200cלא", ["il·lusió", "כן\u200cלא"]),
        ("\uff03全角", ["全角"]),
        ("#one#two", []),
        ("#https://example.com", []),
        ("https://example.com/#top example.com/#a #b", ["b"]),
    ],
)
def test_hashtags(text: str, expected: list[str]) -> None:
    assert hashtags(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.com/a?b=c#d.", ["https://example.com/a?b=c#d"]),
        ("example.com, www.example.co.uk/x; example.org", ["example.com", "www.example.co.uk/x", "example.org"]),
        ("(see http://example.com/Film_(1999))", ["http://example.com/Film_(1999)"]),
        ("HTTP://EXAMPLE.COM:8080/", ["HTTP://EXAMPLE.COM:8080/"]),
        ("http://例え.jp/パス http://✪x.ws/y", ["http://例え.jp/", "http://✪x.ws/y"]),
        ("一example.com二http://example.org/a三", ["example.com", "http://example.org/a"]),
        ("http://xn--ls8h.la/ http://foo.みんな/", ["http://xn--ls8h.la/", "http://foo.みんな/"]),
        ("e.g. i.e. 3.14 file.tar.bz2 foo.nosuchtld", []),
        ("ann@example.com @example.com #example.com $example.com", []),
        ("http://localhost http://-a.com http://a-.com http://a_b.com", []),
        ("http://" + "a" * 64 + ".com", []),
        ("http://" + "あ" * 64 + ".com", []),
        ("ftp://example.com xhttp://example.com", []),
        ("http://example.com-and-more", ["http://example.com"]),
        ("http://a.com?x=https://b.com http://c.com", ["http://a.com?x=https://b.com", "http://c.com"]),
        ("http://example.com/!!! http://example.com/a,,,", ["http://example.com/", "http://example.com/a"]),
        ("\u2066example.com\u2069", ["example.com"]),
    ],
)
def test_links(text: str, expected: list[str]) -> None:
    assert urls(text) == expected


def test_offsets_count_code_points_and_the_end_is_exclusive() -> None:
    text = "👍🏽 @ann likes #café at example.com!"
    found = find_entities(text)
    assert found.mentions == (Entity(3, 7, "ann"),)
    assert found.hashtags == (Entity(14, 19, "café"),)
    assert found.urls == (Entity(23, 34, "example.com"),)
    assert [text[e.start : e.end] for e in (*found.mentions, *found.hashtags)] == ["@ann", "#café"]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("aé語_-./:@#&?()1 \n\uff57\uff20\uff03") | st.characters(codec="utf-8"), max_size=60))
def test_entities_of_any_text_are_parts_of_it_and_never_overlap(text: str) -> None:
    found = find_entities(text)
    parts = sorted((*found.mentions, *found.hashtags, *found.urls), key=lambda entity: entity.start)
    assert all(text[part.start : part.end].endswith(part.value) for part in parts)
    assert all(before.end <= after.start for before, after in pairwise(parts))
    assert all(0 <= part.start < part.end <= len(text) for part in parts)


@pytest.mark.parametrize(
    "part", ["a.", "あ.", "(", "http://a.com/(a", "#a", "rt:", "a-", "http://", "a.com/", "_", "@"]
)
def test_long_hostile_texts_take_no_longer_than_others(part: str) -> None:
    # A rule that backtracks would take minutes here.
    text = (part * 10_000)[:10_000] + ".com"
    found = find_entities(text)
    assert len(found.urls) + len(found.mentions) + len(found.hashtags) <= len(text)

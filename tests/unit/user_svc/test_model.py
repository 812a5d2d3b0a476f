"""What the texts of a profile may be, and what makes names and addresses the same."""

from __future__ import annotations

import pytest

from mesh.errors import InvalidArgument
from user_svc.model import checked_bio, checked_display_name, checked_location, email_key, username_key

MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann", "Ann"),
        ("  Ann B ", "Ann B"),
        ("Ann\u0301", "An\u0144"),
        (MARKS.join("Ann"), "Ann"),
        ("", "ann_1"),
        (f" {MARKS} ", "ann_1"),
        ("👩\u200d🚀 Ann", "👩\u200d🚀 Ann"),
        ("محمد", "محمد"),
    ],
)
def test_a_display_name_is_cleaned_and_never_empty(text: str, expected: str) -> None:
    assert checked_display_name(text, field_name="displayName", username="ann_1") == expected


def test_a_bio_keeps_its_lines_and_a_location_has_one() -> None:
    assert checked_bio(" two\n\tlines ", field_name="bio") == " two\n\tlines "
    assert checked_location("  Rome ", field_name="location") == "Rome"


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\r", "\x7f", "\x85", "\ufeff", "\ufffe", "\uffff", "\ud800"])
def test_control_characters_are_refused_everywhere(char: str) -> None:
    with pytest.raises(InvalidArgument) as in_name:
        checked_display_name(f"a{char}", field_name="user.displayName", username="ann")
    assert in_name.value.violations[0].field == "user.displayName"
    with pytest.raises(InvalidArgument) as in_bio:
        checked_bio(f"a\n{char}", field_name="bio")
    assert f"U+{ord(char):04X} at 2" in in_bio.value.message
    with pytest.raises(InvalidArgument):
        checked_location(f"a{char}", field_name="location")


@pytest.mark.parametrize("char", ["\n", "\t"])
def test_only_a_bio_has_line_feeds_and_tabs(char: str) -> None:
    with pytest.raises(InvalidArgument):
        checked_display_name(f"a{char}b", field_name="displayName", username="ann")
    with pytest.raises(InvalidArgument):
        checked_location(f"a{char}b", field_name="location")
    assert checked_bio(f"a{char}b", field_name="bio") == f"a{char}b"


def test_case_does_not_make_a_name_or_an_address_another() -> None:
    assert username_key("Ann_1") == username_key("aNN_1")
    assert email_key("Ann@Example.org") == email_key("ann@EXAMPLE.org")

"""What a tweet's text may be."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import InvalidArgument
from tweet_svc.model import checked_text


def refused(content: str, *, max_length: int = 280) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as error:
        checked_text(content, max_length=max_length)
    assert [violation.field for violation in error.value.violations] == ["content"]
    return error.value


@pytest.mark.parametrize(
    "content", ["hi", "two\nlines\tand a tab", "  spaces stay  ", "0", "👩\u200d🚀", "e\u0301 " * 90]
)
def test_an_ordinary_text_is_kept_as_written(content: str) -> None:
    assert checked_text(content, max_length=280) == unicodedata.normalize("NFC", content)


def test_a_text_is_stored_in_nfc() -> None:
    assert checked_text("e\u0301\u1100\u1161", max_length=280) == "\u00e9\uac00"


@pytest.mark.parametrize("content", ["", " ", "\n\t ", "\u00a0\u2003\u3000", "\u200b\u200d\u2060", "\u202e"])
def test_an_empty_or_blank_text_is_refused(content: str) -> None:
    assert refused(content).reason == "TWEET_EMPTY"


@pytest.mark.parametrize("char", ["a", "語", "😀", "\u0301a", "é"])
def test_the_limit_counts_code_points_after_nfc(char: str) -> None:
    fits = unicodedata.normalize("NFC", char * 280)[:280]
    assert len(checked_text(fits, max_length=280)) == 280
    error = refused(fits + "x")
    assert error.reason == "TWEET_TOO_LONG"
    assert error.metadata == {"max_length": "280", "length": "281"}


def test_a_text_that_nfc_makes_short_enough_is_taken() -> None:
    assert len(checked_text("e\u0301" * 280, max_length=280)) == 280
    assert refused("e\u0301" * 281).metadata["length"] == "281"


def test_the_limit_is_a_setting() -> None:
    assert checked_text("a" * 140, max_length=140) == "a" * 140
    assert refused("a" * 141, max_length=140).metadata == {"max_length": "140", "length": "141"}


@pytest.mark.parametrize(
    "char",
    [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
    + ["\ufeff", "\ufffe", "\uffff", "\ud800", "\udfff"],
    ids=lambda char: f"U+{ord(char):04X}",
)
def test_control_characters_are_refused(char: str) -> None:
    error = refused(f"a{char}b")
    assert error.reason == "VALIDATION_FAILED"
    assert f"U+{ord(char):04X} at 1" in error.message
    assert char not in error.message


def test_a_tower_of_combining_marks_is_refused() -> None:
    assert checked_text("z" + "\u0335" * 16 + "z" + "\u0335" * 16, max_length=280)
    assert refused("z" + "\u0335" * 17).reason == "VALIDATION_FAILED"


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_checked_text_passes_again_unchanged(content: str) -> None:
    try:
        text = checked_text(content, max_length=280)
    except InvalidArgument:
        return
    assert checked_text(text, max_length=280) == text

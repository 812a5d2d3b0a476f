"""Logs are one JSON object a line, whatever the text in them (SEC47)."""

import json
import logging
import sys

import pytest

from mesh.caller import ANONYMOUS, CURRENT_CALL, Call
from mesh.logs import JsonLines


def line_of(message: str, **extra: object) -> str:
    record = logging.LogRecord("mesh.x", logging.WARNING, "x.py", 1, message, (), None)
    vars(record).update(extra)
    return JsonLines("tweet_svc").format(record)


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[31mred", "\u2028x\u2029", "\x00", '"}', "\ud800", "é"])
def test_any_text_stays_on_its_line(text: str) -> None:
    line = line_of(text, fields={"path": text})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == text
    assert json.loads(line)["path"] == text


def test_a_line_says_when_who_and_how_bad() -> None:
    line = json.loads(line_of("hello"))
    assert (line["level"], line["service"], line["logger"]) == ("warning", "tweet_svc", "mesh.x")
    assert line["time"].endswith("+00:00")


def test_a_line_within_a_call_has_its_request_id() -> None:
    token = CURRENT_CALL.set(Call(ANONYMOUS, "request-1", 0.0))
    try:
        assert json.loads(line_of("hello"))["request_id"] == "request-1"
    finally:
        CURRENT_CALL.reset(token)
    assert "request_id" not in json.loads(line_of("hello"))


def test_a_traceback_is_a_field() -> None:
    try:
        int("two\nlines")
    except ValueError:
        line = line_of("failed", exc_info=sys.exc_info())
    assert "ValueError: invalid literal" in json.loads(line)["traceback"]
    assert "\n" not in line

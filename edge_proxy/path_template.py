"""Path templates of google/api/http.proto: `/v1/{name=shelves/*}/books:archive`, and what their variables hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TEMPLATE = re.compile(r"(?P<path>(?:/(?:\{[^{}]*\}|[^/{}:]+))+|/)(?::(?P<verb>[\w.~-]+))?", re.ASCII)
_FIELDS = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_SEGMENT = re.compile(rf"\{{(?P<fields>{_FIELDS})(?:=(?P<pattern>[^{{}}]+))?\}}|(?P<plain>[^/{{}}]+)", re.ASCII)
_PLAIN = re.compile(r"\*{1,2}|[\w.~!$&'()+,;=@%-]+", re.ASCII)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")
# RFC 6570 "reserved": they stay escaped in a variable of several segments, so that its slashes keep their meaning.
_RESERVED = frozenset(b":/?#[]@!$&'()*+,;=")


class BrokenTemplate(ValueError):
    """A template that is not as http.proto says."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A field bound by the segments from `start` up to `end`; a negative index counts from the end of the path."""

    fields: tuple[str, ...]
    start: int
    end: int | None
    is_single: bool

    def value(self, segments: Sequence[str]) -> str:
        """What the path gives it, decoded. Raises ValueError for broken escapes and for bytes that are no UTF-8."""
        if self.is_single:
            return unescaped(segments[self.start].encode())
        return unescaped("/".join(segments[self.start : self.end]).encode(), keep=_RESERVED)


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """A template in parts. `segments` are literals, "*" for one segment, "**" for any number."""

    text: str
    segments: tuple[str, ...]
    variables: tuple[Variable, ...]
    verb: str


def parse_template(text: str) -> PathTemplate:
    """The parts of a template. Raises BrokenTemplate."""
    whole = _TEMPLATE.fullmatch(text)
    if whole is None:
        raise BrokenTemplate(f"{text!r} is no path template")
    segments: list[str] = []
    spans: list[tuple[tuple[str, ...], int, int]] = []
    for part in _SEGMENT.finditer(whole["path"]):
        start = len(segments)
        if part["plain"]:
            segments.append(part["plain"])
            continue
        segments += (part["pattern"] or "*").split("/")
        spans.append((tuple(part["fields"].split(".")), start, len(segments)))
    _check(text, segments, whole["path"], [fields for fields, _, _ in spans])
    variables = tuple(_variable(fields, segments, start, end) for fields, start, end in spans)
    return PathTemplate(text, tuple(segments), variables, whole["verb"] or "")


def unescaped(raw: bytes, *, keep: frozenset[int] = frozenset()) -> str:
    """Percent-decoded text; bytes in `keep` stay as they were sent. Raises ValueError."""

    def byte(escape: re.Match[bytes]) -> bytes:
        if escape[1] is None:
            raise ValueError("has a % that is not followed by two hexadecimal digits")
        value = int(escape[1], 16)
        return escape[0] if value in keep else bytes((value,))

    try:
        return (_ESCAPE.sub(byte, raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def _check(text: str, segments: list[str], path: str, fields: list[tuple[str, ...]]) -> None:
    covered = "".join("/" + part[0] for part in _SEGMENT.finditer(path))
    if path not in {covered, "/"}:
        raise BrokenTemplate(f"{text!r}: a variable is written {{field}} or {{field=pattern}}")
    for segment in segments:
        if not _PLAIN.fullmatch(segment):
            raise BrokenTemplate(f"{text!r}: {segment!r} is no segment")
    if "**" in segments and any("*" in segment for segment in segments[segments.index("**") + 1 :]):
        raise BrokenTemplate(f"{text!r}: only literals may come after **")
    if len(set(fields)) < len(fields):
        raise BrokenTemplate(f"{text!r}: a field is bound twice")


def _variable(fields: tuple[str, ...], segments: list[str], start: int, end: int) -> Variable:
    stretch = segments.index("**") if "**" in segments else len(segments)
    # Behind "**" positions are known from the end only.
    first = start if start <= stretch else start - len(segments)
    last = end if end <= stretch else end - len(segments)
    return Variable(fields, first, last or None, is_single=segments[start:end] == ["*"])

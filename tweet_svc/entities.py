"""Finds @mentions, #hashtags and links in a text, by the rules that twitter-text publishes. It resolves nothing.

Offsets count code points, the end is exclusive. Where the rules are Twitter's own affair (shortened t.co links,
cashtags, lists) they are left out; a handle may be as long as our usernames. A link without http:// needs a known
top-level domain, so that "e.g." and "file.tar.bz2" are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LONGEST_USERNAME = 50
LONGEST_HOST = 253

_LATIN = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_WESTERN = f"A-Za-z0-9{_LATIN}"
# Letters, digits and symbols of every script; no punctuation, white space or direction marks.
_LABEL = (
    f"{_WESTERN}\u00aa\u00b5\u00ba\u0250-\u167f\u1681-\u180d\u180f-\u1fff\u2070-\u2dff\u2e80-\u2fef"
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u303c\u3041-\u30fa\u30fc-\ud7ff\uf900-\ufdff\ufe70-\ufefc"
    "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc\U00010000-\U000effff"
)
_HOST_RUN = re.compile(f"[{_LABEL}._-]+")
_WESTERN_RUN = re.compile(f"[{_WESTERN}][{_WESTERN}._-]*")
_SUBDOMAIN = re.compile(f"[{_LABEL}](?:[{_LABEL}_-]*[{_LABEL}])?")
_DOMAIN = re.compile(f"[{_LABEL}](?:[{_LABEL}-]*[{_LABEL}])?")
_PUNYCODE = re.compile("xn--[a-z0-9-]+", re.IGNORECASE)
_PROTOCOLS = ("http://", "https://")
# What may not stand directly before a link.
_NEVER_BEFORE = re.compile("[A-Za-z0-9@\uff20$#\uff03]")
_NEVER_BEFORE_BARE = re.compile("[A-Za-z0-9@\uff20$#\uff03._/-]")
_NEVER_AFTER_DOMAIN = re.compile("[A-Za-z0-9@]")
_PORT = re.compile(":[0-9]+")
_PATH_CHARS = rf"{_WESTERN}\u0400-\u04ff!*';:=+,.$/%#\[\]\u2013_~@|&-"
_PATH = re.compile(rf"/(?:[{_PATH_CHARS}]|\((?:[{_PATH_CHARS}]|\([{_PATH_CHARS}]*+\))*+\))*+")
_NO_PATH_END = re.compile(rf"[^{_WESTERN}\u0400-\u04ff=_#/+)-]+\Z")
_QUERY = re.compile(r"\?[A-Za-z0-9!?*'@();:&=+$/%#\[\]_.,~|-]*+")
_NO_QUERY_END = re.compile(r"[^A-Za-z0-9_&=#/-]+\Z")

_MENTION = re.compile(
    r"(?:^|[^A-Za-z0-9_!#$%&*@\uff20]|(?:^|[^A-Za-z0-9_+~.-])[rR][tT]:?)"
    rf"(?P<mention>[@\uff20](?P<username>[A-Za-z0-9_]{{1,{LONGEST_USERNAME}}}))"
    rf"(?![A-Za-z0-9_@\uff20{_LATIN}]|://)"
)
# Marks that join the parts of a tag: low line, joiners, middle dots, Hebrew and Tibetan marks, wave dashes.
_TAG_MARKS = frozenset(
    "_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\u00b7"
)
_VARIATION_SELECTORS = "\ufe0e\ufe0f"
_WIDE_AT = "\uff20"
_WIDE_HASH = "\uff03"


@dataclass(frozen=True, slots=True)
class Entity:
    """A part of the text: `value` is the handle or tag without its sign, or the link as written."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Entities:
    """All parts of one text, each kind in the order of the text. No two overlap."""

    hashtags: tuple[Entity, ...] = ()
    mentions: tuple[Entity, ...] = ()
    urls: tuple[Entity, ...] = ()


def find_entities(text: str) -> Entities:
    """The mentions, hashtags and links of a text in NFC. What stands inside a link is part of the link."""
    urls = tuple(_urls(text)) if "." in text else ()
    hashtags = _outside(urls, _hashtags(text)) if "#" in text or _WIDE_HASH in text else ()
    mentions = _outside(urls, _mentions(text)) if "@" in text or _WIDE_AT in text else ()
    return Entities(hashtags, mentions, urls)


def _outside(urls: Sequence[Entity], entities: Iterator[Entity]) -> tuple[Entity, ...]:
    return tuple(
        entity for entity in entities if not any(entity.start < url.end and url.start < entity.end for url in urls)
    )


def _mentions(text: str) -> Iterator[Entity]:
    for match in _MENTION.finditer(text):
        yield Entity(*match.span("mention"), match["username"])


def _hashtags(text: str) -> Iterator[Entity]:
    for sign in re.finditer(f"[#{_WIDE_HASH}]", text):
        start = sign.start()
        before = text[start - 1] if start else " "
        if before == "&" or (_is_tag_char(before) and before not in _VARIATION_SELECTORS):
            continue
        end = sign.end()
        if text[end : end + 1] in {"\ufe0f", "\u20e3"}:  # the keycap emoji
            continue
        while end < len(text) and _is_tag_char(text[end]):
            end += 1
        tag = text[sign.end() : end]
        if any(_is_tag_letter(char) for char in tag) and not text.startswith(("#", _WIDE_HASH, "://"), end):
            yield Entity(start, end, tag)


def _is_tag_char(char: str) -> bool:
    return char in _TAG_MARKS or unicodedata.category(char) == "Nd" or _is_tag_letter(char)


def _is_tag_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LM"


def _urls(text: str) -> Iterator[Entity]:
    done = 0
    for run in _HOST_RUN.finditer(text):
        if run.end() <= done or "." not in run[0]:
            continue
        for start, domain_start in _link_starts(text, run, done):
            if start < done:
                continue
            domain_end = _domain_end(text, domain_start, run.end(), is_bare=start == domain_start)
            if domain_end:
                done = _link_end(text, domain_end)
                yield Entity(start, done, text[start:done])


def _link_starts(text: str, run: re.Match[str], done: int) -> Iterator[tuple[int, int]]:
    """Where links may start in a run of characters of hosts, and where their domains do."""
    for protocol in _PROTOCOLS:
        start = run.start() - len(protocol)
        if start >= done and text[start : run.start()].lower() == protocol and _may_start(text, start, _NEVER_BEFORE):
            yield start, run.start()
    # Without a protocol only ASCII and accented letters make a domain: words of other scripts may touch it.
    for part in _WESTERN_RUN.finditer(text, max(run.start(), done), run.end()):
        if "." in part[0] and _may_start(text, part.start(), _NEVER_BEFORE_BARE):
            yield part.start(), part.start()


def _may_start(text: str, start: int, never_before: re.Pattern[str]) -> bool:
    return start == 0 or not never_before.match(text, start - 1)


def _domain_end(text: str, start: int, end: int, *, is_bare: bool) -> int:
    """The end of the longest domain from `start`, not beyond `end`; 0 when there is none."""
    labels = text[start:end].split(".")
    offset = end
    for last in range(len(labels) - 1, 0, -1):
        offset -= len(labels[last])
        domain_end = _top_level_end(text, offset, end)
        if domain_end and _are_labels(labels[:last], is_bare=is_bare) and _is_host(text[start:domain_end]):
            return domain_end
        offset -= 1
    return 0


def _top_level_end(text: str, start: int, end: int) -> int:
    """The end of the longest top-level domain at `start`; 0 when there is none, or a longer word goes on there."""
    if punycode := _PUNYCODE.match(text, start, end):
        return punycode.end()
    known, longest = _top_level_domains()
    for candidate in range(min(end, start + longest), start, -1):
        if text[start:candidate].lower() in known and not _NEVER_AFTER_DOMAIN.match(text, candidate):
            return candidate
    return 0


def _are_labels(labels: Sequence[str], *, is_bare: bool) -> bool:
    if is_bare and not all(_WESTERN_RUN.fullmatch(label) for label in labels):
        return False
    return bool(_DOMAIN.fullmatch(labels[-1])) and all(_SUBDOMAIN.fullmatch(label) for label in labels[:-1])


def _is_host(host: str) -> bool:
    try:
        return len(host.encode("idna")) <= LONGEST_HOST
    except UnicodeError:  # a label that is longer than 63 characters in punycode, or that punycode cannot say
        return False


def _link_end(text: str, end: int) -> int:
    if port := _PORT.match(text, end):
        end = port.end()
    if path := _PATH.match(text, end):
        end += len(_NO_PATH_END.sub("", path[0]))
    if query := _QUERY.match(text, end):
        end += len(_NO_QUERY_END.sub("", query[0]))
    return end


@cache
def _top_level_domains() -> tuple[frozenset[str], int]:
    """The names, and the length of the longest."""
    lines = (files("tweet_svc") / "tlds.txt").read_text(encoding="utf-8").splitlines()
    names = frozenset(name for line in lines if not line.startswith("#") for name in line.split())
    return names, max(map(len, names))

"""Who follows whom in a loaded mesh: an edge list from a file, or a graph with a few very popular people."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

FOLLOWED_BY_EACH = 12


class BadGraph(Exception):
    """A file that is no edge list; the message names the line."""


def read_graph(path: Path, *, is_undirected: bool, most_people: int | None) -> list[tuple[int, int]]:
    """The follows (follower, followee) of a file with "a b" a line, `#` and `%` starting comments.

    Each line is one follow, or two when the graph is undirected. People are numbered from 0 in the order of their
    numbers in the file; only the first `most_people` stay. Raises BadGraph and OSError.
    """
    follows = set()
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words or words[0].startswith("%"):
            continue
        if len(words) < 2 or not (words[0].isdecimal() and words[1].isdecimal()):
            raise BadGraph(f'{path}:{number}: {line[:60]!r} is not of the form "a b"')
        follower, followee = int(words[0]), int(words[1])
        follows.add((follower, followee))
        if is_undirected:
            follows.add((followee, follower))
    names = sorted({name for follow in follows for name in follow})[:most_people]
    place = {name: number for number, name in enumerate(names)}
    numbered = ((place.get(follower), place.get(followee)) for follower, followee in follows)
    return sorted((a, b) for a, b in numbered if a is not None and b is not None and a != b)


def made_graph(people: int) -> list[tuple[int, int]]:
    """A power-law graph, the same for the same number: everybody follows those whom many follow, and a few others."""
    return sorted(_attachments(people, random.Random(people)))  # noqa: S311 - repeatable, not secret


def _attachments(people: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    # A name stands in the urn once for itself and once for each follower (Barabási and Albert, 1999).
    urn = [0]
    for follower in range(1, people):
        chosen = {chance.choice(urn) for _ in range(FOLLOWED_BY_EACH)}
        yield from ((follower, followee) for followee in chosen)
        # Some follow back, so that the early and popular have timelines too.
        yield from ((followee, follower) for followee in chosen if chance.random() < 0.2)
        urn += [*chosen, follower]

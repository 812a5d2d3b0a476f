"""Finds a route by the raw path: literals before variables, segment by segment, going back where that leads nowhere.

The tree is walked once per request; its depth is bounded by the longest template, its breadth by three ways a segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from edge_proxy.path_template import PathTemplate

R = TypeVar("R")
ANY_METHOD = "*"


class DuplicateTemplate(ValueError):
    """Two routes answer the same requests."""


class NoSuchPath(LookupError):
    """No template fits."""


class WrongMethod(LookupError):
    """The path is known, the method is not; `allowed` are those that are."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__(*sorted(allowed))
        self.allowed = allowed


class _Ends(Generic[R]):
    """Routes whose templates end at a node: by custom verb, then by HTTP method."""

    def __init__(self) -> None:
        self.by_verb: dict[str, dict[str, R]] = {}


class _Node(Generic[R]):
    def __init__(self) -> None:
        self.literals: dict[str, _Node[R]] = {}
        self.variable: _Node[R] | None = None
        self.ends: _Ends[R] = _Ends()
        # What may follow "**": literals only, the longest first; and the fewest segments that "**" may stand for.
        self.tails: list[tuple[tuple[str, ...], int, _Ends[R]]] = []


class RouteTree(Generic[R]):
    """Routes by template and HTTP method."""

    def __init__(self) -> None:
        self._root: _Node[R] = _Node()
        self._verbs: set[str] = set()

    def add(self, template: PathTemplate, method: str, route: R) -> None:
        """Add a route; `method` is an HTTP method or ANY_METHOD. Raises DuplicateTemplate."""
        node, ends = self._root, None
        for position, segment in enumerate(template.segments):
            if segment == "**":
                # A variable is never empty.
                fewest = int(any(template.segments[each.start : each.end] == ("**",) for each in template.variables))
                ends = _tail(node, template.segments[position + 1 :], fewest)
                break
            if segment == "*":
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(segment, _Node())
        by_method = (ends or node.ends).by_verb.setdefault(template.verb, {})
        if method in by_method:
            raise DuplicateTemplate(f"{method} {template.text}")
        by_method[method] = route
        if template.verb:
            self._verbs.add(template.verb)

    def find(self, method: str, raw_path: str) -> tuple[R, list[str]]:
        """The route of a request and the segments of its path, still escaped. Raises NoSuchPath and WrongMethod."""
        for segments, verb in self._readings(raw_path):
            allowed: set[str] = set()
            for ends in _ends(self._root, segments, 0):
                by_method = ends.by_verb.get(verb)
                if by_method is None:
                    continue
                route = by_method.get(method) or by_method.get(ANY_METHOD)
                if route is not None:
                    return route, segments
                allowed |= by_method.keys()
            if allowed:
                raise WrongMethod(allowed)
        raise NoSuchPath(raw_path)

    def _readings(self, raw_path: str) -> Iterator[tuple[list[str], str]]:
        """The path with its custom verb split off, then as it stands. One slash at the end is ignored."""
        if len(raw_path) > 1 and raw_path.endswith("/"):
            raw_path = raw_path[:-1]
        segments = raw_path.split("/")[1:] if raw_path != "/" else []
        if segments and ":" in segments[-1]:
            stem, _, verb = segments[-1].rpartition(":")
            if verb in self._verbs:
                yield [*segments[:-1], stem], verb
                if not stem:
                    # A verb with nothing before it is no value either.
                    return
        yield segments, ""


def _ends(node: _Node[R], segments: Sequence[str], position: int) -> Iterator[_Ends[R]]:
    if position == len(segments):
        yield node.ends
    else:
        segment = segments[position]
        literal = node.literals.get(segment)
        if literal is not None:
            yield from _ends(literal, segments, position + 1)
        if node.variable is not None and segment:
            yield from _ends(node.variable, segments, position + 1)
    for tail, fewest, ends in node.tails:
        behind = len(segments) - len(tail)
        if behind >= position + fewest and all(segments[position:behind]) and tuple(segments[behind:]) == tail:
            yield ends


def _tail(node: _Node[R], tail: tuple[str, ...], fewest: int) -> _Ends[R]:
    for *known, ends in node.tails:
        if known == [tail, fewest]:
            return ends
    ends = _Ends[R]()
    node.tails.append((tail, fewest, ends))
    node.tails.sort(key=lambda entry: -len(entry[0]))
    return ends

"""Edge lists from files, and made ones with a few very popular people."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dev_mesh.graph import BadGraph, made_graph, read_graph


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "graph.edges"
    path.write_text(text)
    return path


def test_each_line_is_one_follow_and_people_are_numbered_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "% a comment\n30 10\n10 20 # another\n\n30 10\n10 10\n")
    assert read_graph(path, is_undirected=False, most_people=None) == [(0, 1), (2, 0)]


def test_a_line_of_an_undirected_graph_is_two_follows(tmp_path: Path) -> None:
    assert read_graph(write(tmp_path, "1 0\n"), is_undirected=True, most_people=None) == [(0, 1), (1, 0)]


def test_only_the_first_people_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "0 1\n1 2\n2 3\n")
    assert read_graph(path, is_undirected=False, most_people=3) == [(0, 1), (1, 2)]


def test_a_line_that_is_no_edge_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadGraph, match=r"graph\.edges:2: 'one two'"):
        read_graph(write(tmp_path, "0 1\none two\n"), is_undirected=False, most_people=None)


def test_a_made_graph_is_always_the_same_and_a_few_are_followed_by_very_many() -> None:
    follows = made_graph(500)
    assert follows == made_graph(500)
    assert len(set(follows)) == len(follows)
    assert all(follower != followee for follower, followee in follows)
    followers = Counter(followee for _, followee in follows)
    ranked = [count for _, count in followers.most_common()]
    assert ranked[0] > 10 * ranked[len(ranked) // 2]

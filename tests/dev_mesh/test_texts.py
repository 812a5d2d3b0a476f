"""Made people and texts: always the same, and within the limits of the contract."""

from __future__ import annotations

import re

from dev_mesh.texts import author_of, person, text_of


def test_a_number_always_gives_the_same_person_author_and_text() -> None:
    assert person(7) == person(7)
    assert author_of(7, people=50) == author_of(7, people=50)
    assert text_of(7, people=50) == text_of(7, people=50)


def test_people_differ_and_their_names_are_allowed() -> None:
    people = [person(number) for number in range(1000)]
    assert len({each.username for each in people}) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,50}", each.username) for each in people)


def test_texts_fit_and_are_by_known_people() -> None:
    for number in range(2000):
        assert 10 < len(text_of(number, people=300)) <= 200
        assert 0 <= author_of(number, people=300) < 300
    assert author_of(5, people=1) == 0

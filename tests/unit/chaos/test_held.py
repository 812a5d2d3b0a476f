"""The page of what was held is that of the files beside it."""

from __future__ import annotations

from tests.faults.chaos.held import FOLDER, page


def test_the_page_of_what_was_held_is_current() -> None:
    assert (FOLDER / "README.md").read_text() == page()

"""Which store URLs are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.storage.url import parse_store_url


def test_three_slashes_begin_an_absolute_folder() -> None:
    assert parse_store_url("sqlite:///var/lib/aviary").file_of("tweet_svc") == Path("/var/lib/aviary/tweet_svc.db")


def test_no_slash_begins_a_relative_folder() -> None:
    assert parse_store_url("sqlite:.data/store").file_of("user_svc") == Path(".data/store/user_svc.db")


def test_a_folder_may_be_percent_encoded() -> None:
    assert parse_store_url("sqlite:///a%20folder%23").folder == Path("/a folder#")


@pytest.mark.parametrize(
    "url", ["", "sqlite:", "sqlite://host/folder", "postgres:///x", "/folder", "sqlite:///x?mode=ro", "sqlite:///x#y"]
)
def test_any_other_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match="use sqlite:///absolute/folder"):
        parse_store_url(url)

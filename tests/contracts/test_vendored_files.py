"""What is vendored is as third_party/VERSIONS says, and nothing lies beside it."""

from __future__ import annotations

import hashlib

from tests.support.source import ROOT

THIRD_PARTY = ROOT / "third_party"
# The pins of Cassandra are checked where it is fetched; VERSIONS is the list itself.
ELSEWHERE = ("cassandra/", "VERSIONS")


def test_every_vendored_file_is_the_one_that_was_taken() -> None:
    lines = [line.split("  ") for line in (THIRD_PARTY / "VERSIONS").read_text().splitlines() if "  " in line]
    listed = {name: digest for digest, name in lines}
    found = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(THIRD_PARTY.rglob("*"))
        for name in [str(path.relative_to(THIRD_PARTY))]
        if path.is_file() and not name.startswith(ELSEWHERE)
    }
    assert found == listed


def test_the_viewer_comes_with_its_licence_and_version() -> None:
    assert (THIRD_PARTY / "swagger-ui" / "LICENSE").is_file()
    assert (THIRD_PARTY / "swagger-ui" / "NOTICE").is_file()
    assert "swagger-ui-dist 5." in (THIRD_PARTY / "VERSIONS").read_text()

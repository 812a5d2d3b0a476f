"""Maven fetches the jars once for a machine, and only the pinned ones are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from dev_mesh.cassandra.fetch import FetchFailed, fetch_jars
from dev_mesh.cassandra.machine import ToolMissing, cache_folder, find_java
from tests.support.wait_until import wait_until

Script = Callable[[str, str], None]
JARS = {"a.jar": b"first", "b.jar": b"second"}
# Stands in for Maven: notes that it ran, and writes the jars where it is told to, once it may.
MAVEN = """
echo ran >> {notes}
for flag in "$@"; do case "$flag" in -DoutputDirectory=*) out="${{flag#*=}}";; esac; done
while [ -e {notes}.hold ]; do /bin/sleep 0.01; done
printf first > "$out/a.jar"; printf {second} > "$out/b.jar"
"""


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    """A folder such as third_party/cassandra."""
    folder = tmp_path / "pinned"
    folder.mkdir()
    (folder / "pom.xml").write_text("<project/>")
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in JARS.items()]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Puts a program on PATH, and nothing else is there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def write(name: str, body: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{body}")
        (folder / name).chmod(0o755)

    return write


async def test_whoever_comes_together_fetches_once_and_gets_the_same(
    tmp_path: Path, pinned: Path, script: Script
) -> None:
    hold = tmp_path / "notes.hold"
    hold.touch()
    script("mvn", MAVEN.format(notes=tmp_path / "notes", second="second"))
    said: list[str] = []
    fetch = partial(fetch_jars, tmp_path / "cache", say=said.append, pinned=pinned)
    with ThreadPoolExecutor(4) as pool:
        fetches = [pool.submit(fetch) for _ in range(4)]
        try:
            await wait_until(lambda: said.count("waiting for another process that fetches Cassandra") == 3)
        finally:
            hold.unlink()
        results = [each.result() for each in fetches]
    assert [{jar.name: jar.read_bytes() for jar in jars} for jars in results] == [JARS] * 4
    assert fetch() == results[0]
    assert (tmp_path / "notes").read_text() == "ran\n"


def test_another_pom_gets_a_folder_of_its_own(tmp_path: Path, pinned: Path, script: Script) -> None:
    script("mvn", MAVEN.format(notes=tmp_path / "notes", second="second"))
    first = fetch_jars(tmp_path / "cache", say=print, pinned=pinned)
    (pinned / "pom.xml").write_text("<project><version>2</version></project>")
    second = fetch_jars(tmp_path / "cache", say=print, pinned=pinned)
    assert first[0].parent != second[0].parent
    assert (tmp_path / "notes").read_text() == "ran\nran\n"


def test_a_jar_that_is_not_the_pinned_one_is_named_and_nothing_is_kept(
    tmp_path: Path, pinned: Path, script: Script
) -> None:
    script("mvn", MAVEN.format(notes=tmp_path / "notes", second="other"))
    with pytest.raises(FetchFailed, match=r"SHA256SUMS says: b\.jar$"):
        fetch_jars(tmp_path / "cache", say=print, pinned=pinned)
    script("mvn", MAVEN.format(notes=tmp_path / "notes", second="second"))
    assert len(fetch_jars(tmp_path / "cache", say=print, pinned=pinned)) == len(JARS)


def test_what_maven_said_last_is_told_when_it_fails(tmp_path: Path, pinned: Path, script: Script) -> None:
    script("mvn", "echo the repository is away\nexit 1\n")
    with pytest.raises(FetchFailed, match=r"exit 1.*\n.*the repository is away"):
        fetch_jars(tmp_path / "cache", say=print, pinned=pinned)


def test_a_machine_without_maven_is_told_what_to_install(tmp_path: Path, pinned: Path, script: Script) -> None:
    with pytest.raises(ToolMissing, match=r"no mvn on PATH.*apt-get install openjdk-17-jre-headless maven"):
        fetch_jars(tmp_path / "cache", say=print, pinned=pinned)


def test_a_machine_without_java_is_told_what_to_install(script: Script) -> None:
    with pytest.raises(ToolMissing, match=r"no java in PATH.*apt-get install openjdk-17-jre-headless maven"):
        find_java()


def test_another_java_is_refused_with_its_version(tmp_path: Path, script: Script) -> None:
    script("java", """echo 'openjdk version "21.0.4" 2024-07-16' >&2""")
    with pytest.raises(ToolMissing, match=r"needs Java 17, and .*/bin/java is 21;"):
        find_java()
    script("java", """echo 'openjdk version "17.0.15" 2025-04-15' >&2""")
    assert find_java() == tmp_path / "bin" / "java"


def test_java_home_comes_before_path(tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    script("java", """echo 'openjdk version "17.0.15" 2025-04-15' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(ToolMissing, match=f"no java in {tmp_path / 'elsewhere'}"):
        find_java()


def test_the_cache_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "aviary"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "caches" / "aviary"

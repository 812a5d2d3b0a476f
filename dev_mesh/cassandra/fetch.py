"""Cassandra's jars: fetched by Maven once for a machine, checked, and kept in the user's cache folder.

`python -m dev_mesh.cassandra.fetch` does it ahead of time. It needs nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dev_mesh.cassandra.machine import ToolMissing, cache_folder, find_java, find_maven

PINNED = Path(__file__).resolve().parents[2] / "third_party" / "cassandra"
_LINES_OF_A_FAILURE = 15
_JARS_A_LINE = 20


class FetchFailed(Exception):
    """Maven failed, or brought other jars than the pinned ones; the message says which."""


def fetch_jars(cache: Path, *, say: Callable[[str], None], pinned: Path = PINNED) -> tuple[Path, ...]:
    """The jars that `pinned` lists, in a folder of `cache` that is named by the hash of its pom.xml.

    Whoever comes first fetches them, others wait; a fetch that failed leaves nothing behind that would be taken for
    a whole one. Raises ToolMissing when Maven is needed and not here, FetchFailed, and OSError.
    """
    pom = pinned / "pom.xml"
    folder = cache / f"cassandra-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with _only_one(folder.with_suffix(".lock"), say=say):
            if not folder.is_dir():
                _fetch(pom, folder, _expected(pinned / "SHA256SUMS"), say=say)
    return tuple(sorted(folder.glob("*.jar")))


@contextmanager
def _only_one(lock: Path, *, say: Callable[[str], None]) -> Iterator[None]:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that fetches Cassandra")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(pom: Path, folder: Path, expected: dict[str, str], *, say: Callable[[str], None]) -> None:
    maven = find_maven()
    say(f"fetching Cassandra with Maven, once for this machine: {len(expected)} jars into {folder}")
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    jars = unfinished / "jars"
    jars.mkdir(parents=True)
    _run_maven(maven, pom, jars, say=say)
    _compare(jars, expected)
    jars.rename(folder)
    unfinished.rmdir()
    say("Cassandra is fetched")


def _run_maven(maven: Path, pom: Path, jars: Path, *, say: Callable[[str], None]) -> None:
    # strict-checksums: a broken download ends here and is not kept in Maven's own cache.
    command = [str(maven), "--batch-mode", "--strict-checksums", f"--file={pom}", "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    last: deque[str] = deque(maxlen=_LINES_OF_A_FAILURE)
    downloaded = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            last.append(line)
            if "Downloaded from" in line and ".jar " in line:
                downloaded += 1
                if downloaded % _JARS_A_LINE == 0:
                    say(f"  {downloaded} jars downloaded, those of Maven itself among them")
    if process.returncode:
        raise FetchFailed(f"Maven could not fetch Cassandra (exit {process.returncode}):\n{''.join(last).rstrip()}")


def _expected(sums: Path) -> dict[str, str]:
    lines = (line.split() for line in sums.read_text().splitlines())
    return {name: digest for digest, name in lines}


def _compare(jars: Path, expected: dict[str, str]) -> None:
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.iterdir()}
    if wrong := sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)):
        raise FetchFailed(f"not as third_party/cassandra/SHA256SUMS says: {', '.join(wrong)}")


def main() -> int:
    """Fetch, and say where. Returns the exit code: 0, or 1 with a line on what is missing."""
    try:
        find_java()
        jars = fetch_jars(cache_folder(), say=lambda text: print(text, flush=True))
    except (ToolMissing, FetchFailed, OSError) as failure:
        print(f"dev_mesh.cassandra: {failure}", file=sys.stderr)
        return 1
    print(f"Cassandra's {len(jars)} jars are in {jars[0].parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

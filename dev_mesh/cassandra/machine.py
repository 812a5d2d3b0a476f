"""What a machine must bring so that Cassandra can run on it: Java 17, Maven once, and a folder for caches."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mesh.env import load, setting

# Cassandra 5.0 runs on 11 and 17. Later ones lack the security manager that it asks for; the flags here are for 17.
JAVA_VERSION = "17"
PACKAGES = "openjdk-17-jre-headless maven"


class ToolMissing(Exception):
    """Java or Maven is not here, or the wrong Java; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Variables that other programs share with us."""

    java_home: str = setting("JAVA_HOME", "", help="where Java is, when it is not the one on PATH")
    cache_home: str = setting("XDG_CACHE_HOME", "", help="folder of caches, when it is not ~/.cache")


def find_java() -> Path:
    """The java of JAVA_HOME, else of PATH. Raises ToolMissing unless it is version 17."""
    home = load(Machine).java_home
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    remedy = f"on Debian and Ubuntu: apt-get install {PACKAGES}; JAVA_HOME names another one than that on PATH"
    if found is None:
        raise ToolMissing(f"Cassandra needs Java {JAVA_VERSION}, and there is no java in {home or 'PATH'}; {remedy}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    number = version[1] if version else "one that does not tell its version"
    if number != JAVA_VERSION:
        raise ToolMissing(f"Cassandra needs Java {JAVA_VERSION}, and {found} is {number}; {remedy}")
    return Path(found)


def find_maven() -> Path:
    """The mvn on PATH. Raises ToolMissing."""
    found = shutil.which("mvn")
    if found is None:
        raise ToolMissing(
            "Maven fetches Cassandra, once for a machine, and there is no mvn on PATH;"
            f" on Debian and Ubuntu: apt-get install {PACKAGES}"
        )
    return Path(found)


def cache_folder() -> Path:
    """Where this user's programs keep what can be fetched again."""
    cache_home = load(Machine).cache_home
    return (Path(cache_home) if cache_home else Path.home() / ".cache") / "aviary"

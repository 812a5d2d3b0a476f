"""nodetool, called as docs/operations.md says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dev_mesh.cassandra.machine import cache_folder, find_java

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


class Nodetool:
    """The commands of the page, with another port for the page's."""

    def __init__(self, port: int, folder: Path) -> None:
        [self._function] = re.findall(r"^```sh\n(nodetool\(\).*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        home = folder / "home"
        (home / ".cache").mkdir(parents=True)
        (home / ".cache" / "aviary").symlink_to(cache_folder())
        self._port = port
        self._environ = {"HOME": str(home), "PATH": f"{find_java().parent}:/usr/bin:/bin"}

    def run(self, begins: str, **placeholders: str) -> None:
        """The one command of the page that begins so."""
        [command] = set(re.findall(rf"`(nodetool -p 7199 {begins} [^`]*)`", PAGE))
        command = command.replace("7199", str(self._port))
        for name, value in placeholders.items():
            command = command.replace(f"<{name}>", value)
        done = subprocess.run(
            ["bash", "-c", f"{self._function}\n{command}"],
            env=self._environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

"""Every call that people made of a mesh, and what became of it, written down as it happens."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from mesh.clock import SystemClock


class CallLog:
    """Lines of JSON, gzipped. Nothing is kept in memory; without a path nothing is kept at all."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._clock = SystemClock()
        self._began = self._clock.monotonic()
        self._file: TextIO | None = None

    def now(self) -> float:
        """Seconds since the log began."""
        return round(self._clock.monotonic() - self._began, 4)

    def add(self, entry: Mapping[str, object]) -> None:
        """One line, without what is empty. The file is made with the first."""
        if self._path is None:
            return
        if self._file is None:
            self._file = gzip.open(self._path, "wt")  # noqa: SIM115 - open for as long as the log is
        told = {name: value for name, value in entry.items() if value not in (None, "")}
        self._file.write(json.dumps(told) + "\n")

    def close(self) -> None:
        """Nothing is added any more."""
        if self._file is not None:
            self._file.close()

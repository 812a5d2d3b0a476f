"""One mesh per data directory. The kernel drops the lock with its holder, so a kill -9 leaves nothing to clean up."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "mesh.lock"


class AlreadyRunning(Exception):
    """Another mesh uses this data directory; the message names its pid."""


@contextmanager
def only_mesh(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises AlreadyRunning."""
    with (data_dir / FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(
                f"a mesh already runs on {data_dir} (pid {file.read().strip() or 'not known yet'});"
                " stop it, or name another folder with --data-dir"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(data_dir: Path) -> int | None:
    """The pid of the mesh that uses this data directory; None when none does."""
    try:
        with (data_dir / FILE).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
    except FileNotFoundError:
        pass
    return None

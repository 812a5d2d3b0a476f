"""A disk under SQLite that can be cut from its power, or fill up, or fail: an apsw VFS in front of the real one.

What programs write is in the real files at once, and they read it there. What would still be there after a power cut is
kept beside them: of each file what was synced, and the changes since, of which a cut keeps a share, sector by sector.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import apsw

REAL = "unix"
SECTOR = 512


class Fault(Enum):
    """How an operation fails."""

    FULL = "no space"
    WRITE_ERROR = "EIO at a write"
    SYNC_ERROR = "EIO at a sync"


# Bytes at an offset, or the file cut to a size.
_Change: TypeAlias = tuple[int, bytes] | int


@dataclass
class _Image:
    """What is on the disk for certain, and what may be; `is_named`: whether its name is."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[_Change] = field(default_factory=list)
    is_named: bool = False
    is_deleted: bool = False

    def sync(self) -> None:
        for change in self.since:
            _apply(self.synced, change)
        self.since.clear()

    def after_a_cut(self, *, dropped: float, chance: random.Random) -> bytes | None:
        """The file as it is found; None when there is none."""
        if not self.is_named and chance.random() < dropped:
            return None
        if self.is_deleted and chance.random() >= dropped:
            return None
        content = bytearray(self.synced)
        for change in self.since:
            for piece in _pieces(change):
                if chance.random() >= dropped:
                    _apply(content, piece)
        return bytes(content)


class Disk:
    """The files of a folder that this process opens by SQLite while it is `in_use`. Operations are counted from 1.

    `cut_at` is the operation at which the power goes; `is_off` says that it went. `at_cut` is called in that moment.
    """

    def __init__(self, folder: Path) -> None:
        self.operations = 0
        self.cut_at = 0
        self.at_cut: Callable[[], None] = lambda: None
        self.is_off = False
        self.failed = 0
        # How many seconds longer a sync takes, and how many took longer.
        self.pause: Callable[[], float] = lambda: 0.0
        self.paused = 0
        self._failing: tuple[Fault, range] | None = None
        # What is there before is on the disk.
        self._images = {path: _Image(bytearray(path.read_bytes()), is_named=True) for path in folder.iterdir()}
        self._lock = threading.RLock()

    def fails(self, fault: Fault, operations: range) -> None:
        """Operations of these numbers fail so, if they are of the kind."""
        self._failing = (fault, operations)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """SQLite opens all files on it until the block ends."""
        vfs = _Vfs(self)
        try:
            yield
        finally:
            vfs.unregister()

    def found(self, folder: Path, *, dropped: float, chance: random.Random) -> None:
        """Put into an empty folder what is found there after the cut; of the unsynced `dropped` (0 to 1) is lost."""
        for path, image in sorted(self._images.items()):
            if (content := image.after_a_cut(dropped=dropped, chance=chance)) is not None:
                (folder / path.name).write_bytes(content)

    def opened(self, path: Path) -> None:
        """A file is there from now on, empty unless it was there before."""
        with self._lock:
            if path not in self._images or self._images[path].is_deleted:
                self._images[path] = _Image()

    def deleted(self, path: Path, *, is_synced: bool) -> None:
        """Its name is gone, or may come back with the power."""
        with self._lock:
            self.count(Fault.WRITE_ERROR)
            if is_synced:
                self._images.pop(path, None)
            elif path in self._images:
                self._images[path].is_deleted = True

    def changed(self, path: Path, change: _Change) -> None:
        """Bytes were written, or the file was cut."""
        with self._lock:
            self._images[path].since.append(change)

    def synced(self, path: Path, *, with_names: bool) -> None:
        """All of it is on the disk, and what was made and deleted in the folder when it was synced too."""
        with self._lock:
            image = self._images[path]
            image.sync()
            if with_names and not image.is_named:
                self._images = {path: image for path, image in self._images.items() if not image.is_deleted}
                for each in self._images.values():
                    each.is_named = True

    def wait(self) -> None:
        """Before a sync, in the thread that asked for it."""
        if seconds := self.pause():
            self.paused += 1
            threading.Event().wait(seconds)

    def not_synced(self, path: Path) -> None:
        """What was written since the last sync will never be on the disk, whatever is synced later: Linux does so."""
        with self._lock:
            if not self.is_off:
                self._images[path].since.clear()

    def count(self, kind: Fault) -> None:
        """One more operation. Raises as the disk does when it is its turn to fail."""
        with self._lock:
            self.operations += 1
            if self.operations == self.cut_at:
                self.is_off = True
                self.at_cut()
            if self.is_off:
                raise apsw.IOError("the power is off")
            if self._failing is None or self.operations not in self._failing[1]:
                return
            fault = self._failing[0]
            if (fault is Fault.SYNC_ERROR) == (kind is Fault.SYNC_ERROR):
                self.failed += 1
                raise apsw.FullError("no space") if fault is Fault.FULL else apsw.IOError("EIO")


class _Vfs(apsw.VFS):
    """The one that SQLite asks while it is the default."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("aviary-disk", REAL, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:  # a temporary file: nothing of it outlives the process
            return apsw.VFSFile(REAL, name, flags)
        file = _File(self._disk, Path(path), name, flags)
        self._disk.opened(Path(path))
        return file

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.deleted(Path(filename), is_synced=syncdir)
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, path: Path, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk, self._path = disk, path
        # The real VFS syncs the folder with the first sync of a journal that it made.
        self._syncs_names = not flags[0] & apsw.SQLITE_OPEN_MAIN_DB
        super().__init__(REAL, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        try:
            self._disk.count(Fault.WRITE_ERROR)
        except apsw.FullError:
            # As much as there was room for.
            self._write(data[: len(data) // 2], offset)
            raise
        self._write(data, offset)

    def _write(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.changed(self._path, (offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        self._disk.count(Fault.WRITE_ERROR)
        super().xTruncate(newsize)
        self._disk.changed(self._path, newsize)

    def xSync(self, flags: int) -> None:
        try:
            self._disk.count(Fault.SYNC_ERROR)
        except apsw.IOError:
            self._disk.not_synced(self._path)
            raise
        self._disk.wait()
        self._disk.synced(self._path, with_names=self._syncs_names)


def _pieces(change: _Change) -> list[_Change]:
    if isinstance(change, int):
        return [change]
    offset, content = change
    return [(offset + at, content[at : at + SECTOR]) for at in range(0, len(content), SECTOR)]


def _apply(content: bytearray, change: _Change) -> None:
    if isinstance(change, int):
        del content[change:]
        content.extend(bytes(change - len(content)))
        return
    offset, written = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(written)] = written

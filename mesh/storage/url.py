"""Which engine a store URL names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class SqliteUrl:
    """`sqlite:///absolute/folder` or `sqlite:relative/folder`: each service keeps `<service>.db` in it."""

    folder: Path

    def file_of(self, service: str) -> Path:
        """The file of one service."""
        return self.folder / f"{service}.db"


def parse_store_url(url: str) -> SqliteUrl:
    """The engine that `url` names. Raises ValueError, with an example, for any other."""
    parts = urlsplit(url)
    folder = unquote(parts.path)
    if parts.scheme != "sqlite" or parts.netloc or parts.query or parts.fragment or not folder:
        raise ValueError(f"{url!r} is no store URL; use sqlite:///absolute/folder, such as sqlite:///var/lib/aviary")
    return SqliteUrl(Path(folder))

"""One JSON object a line on stderr, with the request id of the call in progress."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from mesh.caller import CURRENT_CALL


class JsonLines(logging.Formatter):
    """Formats records. `extra={"fields": {...}}` adds fields; control characters come out escaped."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        call = CURRENT_CALL.get()
        if call is not None:
            line["request_id"] = call.request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(*, service: str, level: str) -> None:
    """Send every log of the process through JsonLines, from `level` up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)

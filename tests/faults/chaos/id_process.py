"""A process that stamps ids of tweets under a lease: `python -m tests.faults.chaos.id_process FOLDER FILE`."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

import apsw

from mesh.clock import SystemClock
from mesh.errors import Unavailable
from mesh.ids import lease_ids
from mesh.storage.id_leases import SqliteIdLeases
from mesh.storage.sqlite import open_database

FILE = "ids.db"
# Spread over as many milliseconds as can be, so that two under one number would meet.
AT_A_TIME = 4
PAUSE_SECONDS = 0.01


async def stamp(folder: Path, file: Path) -> None:
    """Until it is killed: some ids, a pause. Each is written to the file before the next is asked for."""
    opening = open_database(folder / FILE, component="ids", schema=folder / "schema")
    async with opening as database:
        leasing = lease_ids(SqliteIdLeases(database), service="tweet", clock=SystemClock())
        async with leasing as ids:
            with file.open("w", buffering=1) as written:
                while True:
                    with suppress(Unavailable):
                        for _ in range(AT_A_TIME):
                            written.write(f"{ids.next_id()}\n")
                    await asyncio.sleep(PAUSE_SECONDS)


def main() -> None:
    """As a service whose store is locked when it starts: it ends, and is started again."""
    logging.basicConfig(level=logging.ERROR)
    while True:
        with suppress(apsw.BusyError):
            asyncio.run(stamp(Path(sys.argv[1]), Path(sys.argv[2])))


if __name__ == "__main__":
    main()

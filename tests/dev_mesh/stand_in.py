"""A child for the supervisor's tests: listens, writes down what happens to it, and ends as it is told to."""

from __future__ import annotations

import asyncio
import signal
import sys
from functools import partial
from pathlib import Path


async def main(port: int, diary: Path, manners: str) -> int:
    def note(line: str) -> None:
        with diary.open("a") as file:
            file.write(line + "\n")

    def end(name: str) -> None:
        note(name)
        ended.set()

    if manners == "refuses":
        sys.stderr.write("AVIARY_X is not set\nAVIARY_Y is not set\n")
        return 2
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(end, number.name))
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    note("started")
    if manners == "deaf":
        await asyncio.Event().wait()
    await ended.wait()
    server.close()
    note("ended")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))

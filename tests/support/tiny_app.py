"""A service of its own process, which does what its settings say: for tests of the life of a process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mesh.config import MeshConfig
from mesh.env import setting
from mesh.process import Service, run
from mesh.storage.migrations import NewerSchema
from tests.support.scripted_users import a_service, answer_empty
from tests.support.wait_until import wait_until

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TinyConfig:
    mesh: MeshConfig
    folder: Path = setting("TINY_FOLDER", help="where it waits for a file named finish")
    trouble: str = setting("TINY_TROUBLE", "", help="what goes wrong")


@asynccontextmanager
async def open_service(config: TinyConfig) -> AsyncIterator[Service]:
    if config.trouble == "newer schema":
        raise NewerSchema("tiny.db: schema 2 of tiny is newer than this program's 1")
    if config.trouble == "opening takes for ever":
        logger.info("opening")
        await asyncio.Event().wait()

    async def work() -> None:
        logger.info("working")
        if config.trouble == "a loop fails":
            raise RuntimeError("the loop is broken")
        if config.trouble != "a loop ends":
            await asyncio.Event().wait()

    async def answer(request: Any) -> Any:
        """Answer a request for user 2 once there is a file named finish."""
        if getattr(request, "user_id", 0) == 2:
            (config.folder / "begun").touch()
            await wait_until((config.folder / "finish").exists, at_most=60)
        return await answer_empty(request)

    tiny = a_service(answer)
    try:
        yield Service(name="tiny", served=tiny.served, work=[work], ready=tiny.ready)
    finally:
        logger.info("closed")


if __name__ == "__main__":
    run(open_service, TinyConfig)

"""Runs the Lua scripts: by their digest, one exchange for many calls, loaded again when Redis has forgotten them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

from redis.exceptions import NoScriptError

from mesh.storage.redis_pipeline import PipelinedRedis

ScriptName = Literal["begin_build", "finish_build", "merge", "page", "push", "record", "unmerge"]


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script on keys of one hash tag."""

    script: ScriptName
    keys: Sequence[str]
    arguments: Sequence[str | int]


class Scripts:
    """The scripts of this store by name. Each may run twice without harm, so a forgotten one is simply repeated."""

    def __init__(self, texts: Mapping[ScriptName, str]) -> None:
        self._texts = dict(texts)
        self._digests = {name: hashlib.sha1(text.encode()).hexdigest() for name, text in texts.items()}  # noqa: S324 - the name Redis gives a script

    async def run(self, redis: PipelinedRedis, calls: Sequence[Call]) -> list[Any]:
        """The replies in the order of the calls. Raises RedisError for the first call that failed."""
        try:
            return await self._exchange(redis, calls)
        except NoScriptError:
            for name in {call.script for call in calls}:
                await redis.execute_command("SCRIPT", "LOAD", self._texts[name])
            return await self._exchange(redis, calls)

    async def _exchange(self, redis: PipelinedRedis, calls: Sequence[Call]) -> list[Any]:
        commands = [
            ("EVALSHA", self._digests[call.script], len(call.keys), *call.keys, *call.arguments) for call in calls
        ]
        return await asyncio.gather(*(redis.execute_command(*command) for command in commands))


def script_texts(folder: Traversable | None = None) -> dict[ScriptName, str]:
    """The Lua files of this package, or of another folder, each behind the prelude that all share."""
    folder = folder or files("timeline_svc.store.redis")
    prelude = (folder / "prelude.lua").read_text()
    names: tuple[ScriptName, ...] = get_args(ScriptName)
    return {name: prelude + (folder / f"{name}.lua").read_text() for name in names}
